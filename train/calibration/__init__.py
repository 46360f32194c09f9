"""What a card says beside the weights: intervals that hold, "no clear location", the meaning of disease scores."""
