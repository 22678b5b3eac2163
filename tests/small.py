"""The families at a size for tests: their structure with thin layers."""

import dataclasses

import numpy as np

from keras_hybrid import models

_COATNET = {"depths": (1, 1, 1, 2), "widths": (16, 16, 32, 32), "stem_widths": (8, 16)}

# Per family: the config that keeps the structure and loses the weight, and a size.
SMALL = {
    "CvT": ({"widths": (16, 32, 48), "heads": (1, 2, 3), "depths": (1, 1, 2)}, 48),
    "ATC": ({"widths": (16, 32, 48), "heads": (1, 2, 3), "depths": (1, 1, 2)}, 16),
    "ConViT": ({"width": 32, "heads": 4, "depth": 3, "gpsa_layers": 2}, 48),
    "CeiT": ({"width": 32, "heads": 2, "depth": 2, "i2t_channels": 8}, 48),
    "CoAtNet": (_COATNET | {"head_width": 8}, 64),
    "ResNet": ({"widths": (8, 16, 24, 32), "depths": (1, 1, 1, 2)}, 32),
    "WideResNet": ({"widths": (8, 16, 24), "depths": (1, 1, 2)}, 16),
    "ResNet9": ({"widths": (8, 16, 16), "stem_width": 4, "head_width": 4}, 32),
    "Astroformer": (_COATNET | {"head_width": 8}, 64),
}
# One variant of every family.
FAMILIES = {models.get(name).family.name: name for name in models.list_models()}
# Those whose variant above has attention.
ATTENTIVE = sorted(set(FAMILIES) - {"ResNet", "WideResNet"})


def noise(*shape):
    """Normal values of a shape, the same in every test."""
    return np.random.default_rng(0).normal(size=shape).astype("f4")


def small(name, size=None, **arguments):
    """A variant with thin layers, 5 classes and stochastic depth."""
    variant = models.get(name)
    size = size or (SMALL[variant.family.name][1],) * 2
    return variant.builder(
        **{"input_shape": (*size, 3), "classes": 5, "drop_path_rate": 0.2}
        | shrink(variant)
        | arguments
    )


def shrink(variant):
    """The fields of `SMALL`, and thin hidden layers where the variant has some."""
    fields = dict(SMALL[variant.family.name][0])
    for field, most in (("head_hidden", 16), ("bias_mlp_width", 16)):
        if hasattr(variant.config, field):
            fields[field] = min(most, getattr(variant.config, field))
    return fields


def distinct_structures():
    """The first variant of every config that `shrink` leaves different."""
    seen = {}
    for name in models.list_models():
        variant = models.get(name)
        config = dataclasses.replace(
            variant.config, **shrink(variant), drop_path_rate=0.2
        )
        seen.setdefault((variant.family.name, config), name)
    return list(seen.values())
