"""The released network and its configurable relatives: windows, transformer, combiner, heads, text encoder."""
