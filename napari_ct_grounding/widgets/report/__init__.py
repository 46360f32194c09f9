"""The tab "Report": a whole report, sentence by sentence, walked with the arrow keys."""
