"""The three losses, each readable on its own."""
