"""Training: one module for each kind of model, and what they share."""
