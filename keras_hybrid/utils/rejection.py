"""The output of a model that says whether an image is like those it was trained on."""

KNOWN = "known"
"""Name of the output, and of the layer that computes it."""

REJECTED = 0.05
"""Share of known images that the rule rejects: `known` is below this number."""
