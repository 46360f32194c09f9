"""Panels of the dock, one a file. A panel shows and emits; it holds no session, no viewer and no path."""
