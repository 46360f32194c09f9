"""Numbers and words of grounding: geometry, volumes, profiles, results, vocabulary.

This room needs numpy and nothing else of weight; every other room may import it.
"""
