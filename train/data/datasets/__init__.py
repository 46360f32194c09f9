"""Readers of public data sets and of a hospital's own scans: each turns its layout into the same list of scans."""
