"""Procedural chest-abdomen CT with findings, report sentences and exact truth."""
