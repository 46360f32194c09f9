"""The chosen CT cut along the other two axes, linked to the canvas; own widgets, since canvases of napari cost seconds each."""
