"""Training: from phantoms (later: reports and scans) to weights that the package opens. See `python -m train --help`."""
