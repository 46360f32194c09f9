"""The tab "Here": what is on this slice, and where the landmarks of the body stand."""
