"""The tab "Why": what becomes of an answer when the sentence is changed."""
