"""References to images in reports: "series 4, image 38", "(4:38)", "Serie 4, Bild 38".

One parser serves the viewer (truth marks) and the miner (training pairs).
"""

from napari_ct_grounding.core.references.finding import find_references
from napari_ct_grounding.core.references.image_reference import ImageReference

__all__ = ["ImageReference", "find_references"]
