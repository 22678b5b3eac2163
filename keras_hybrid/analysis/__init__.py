"""What a built model costs and what it has learned to look at."""

from keras_hybrid.analysis.complexity import LayerCost, breakdown, macs

__all__ = ["LayerCost", "breakdown", "macs"]
