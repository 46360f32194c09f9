"""The dock "Localization errors": a file of results, row by row in the viewer, and what it adds up to."""
