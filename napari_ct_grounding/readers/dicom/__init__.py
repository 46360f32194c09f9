"""DICOM: files to stacks of slices to a volume. `index` finds the stacks, `stack` lays one out, `pixels` reads it."""
