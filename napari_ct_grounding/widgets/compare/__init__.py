"""The tab "Compare": a second pair of weights answers the same sentences about the same scan."""
