"""One file, one volume: NIfTI, NRRD, MetaImage. A module for each header; `stored_volume` does what they share."""
