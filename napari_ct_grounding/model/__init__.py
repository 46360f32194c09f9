"""The networks, their preprocessing, tokenizers and weights; `base.GroundingModel` is the face of all of them."""
