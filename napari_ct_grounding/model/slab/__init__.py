"""The compact network of the bundled weights: one pass over the whole scan, slab by slab."""
