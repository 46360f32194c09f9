"""napari and Qt: the dock "CT Grounding", its panels, and the one thread in which a session works.

Nothing here loads torch or transformers when it is imported; the inference thread does, at its first job.
"""
