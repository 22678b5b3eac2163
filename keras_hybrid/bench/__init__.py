"""Measurements of speed, both sides in one interleaved run."""
