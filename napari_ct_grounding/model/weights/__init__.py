"""Weights: finding, fetching, checking and loading them."""
