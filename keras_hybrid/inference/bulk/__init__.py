"""Predictions for more images than one machine takes, with Ray."""
