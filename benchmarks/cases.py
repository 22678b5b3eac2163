"""The networks that are measured, and who else has them.

The weights of a peer are loaded into ours, so that both compute the same numbers.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras

from keras_hybrid import models
from keras_hybrid.models.blocks import position_embedding
from keras_hybrid.models.convit import ConViTConfig, gpsa

LAYERS = {"gpsa_tiny": (192, 4), "gpsa_small": (432, 9)}  # width, heads
GRID = 14


@dataclasses.dataclass(frozen=True)
class Case:
    """One network or layer.

    Attributes:
        name: Name of a variant, or of `LAYERS`.
        peer: `library:name` of the same network elsewhere, see `peers`; or None.
        options: Fields of our configuration that make it the peer's equal.
    """

    name: str
    peer: str | None = None
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_layer(self) -> bool:
        """Whether it is a layer, which maps a map to a map."""
        return self.name in LAYERS

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of its input."""
        if self.is_layer:
            return (GRID, GRID, LAYERS[self.name][0])
        return models.get(self.name).family.input_shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of what it makes of one image."""
        if self.is_layer:
            return self.input_shape
        return (models.get(self.name).family.classes,)

    def build(self) -> keras.Model:
        """Ours, from normalised input to logits, without stochastic depth."""
        if self.is_layer:
            return _gpsa(*LAYERS[self.name])
        return models.get(self.name).builder(
            include_preprocessing=False,
            classifier_activation=None,
            drop_path_rate=0.0,
            **self.options,
        )


def _gpsa(width: int, heads: int) -> keras.Model:
    """ConViT's position embedding and first GPSA: gradients reach the layer's input."""
    inputs = keras.Input((GRID, GRID, width))
    x = position_embedding(inputs, inputs, "position")
    config = ConViTConfig(width=width, heads=heads)
    return keras.Model(inputs, gpsa(x, config, "block1_attention"))


_PEERS = (
    Case("gpsa_tiny", "timm:gpsa"),
    Case("gpsa_small", "timm:gpsa"),
    Case("convit_tiny", "timm:convit_tiny"),
    Case("convit_small", "timm:convit_small"),
    Case("coatnet0", "timm:coatnet_0_224"),
    # timm's own class with Astroformer's stages, of which the official code is a copy
    Case("astroformer0", "timm:astroformer_0"),
    # transformers computes CvT with the exact GELU
    Case("cvt13", "transformers:cvt-13", {"activation": "gelu"}),
    Case("ceit_tiny", "official:ceit_model:ceit_tiny_patch16_224"),
    # 32 pixels, as the recipes train it
    Case("atc3", None, {"strides": (2, 2, 2)}),
    Case("atc13", None, {"strides": (2, 2, 2)}),
)


def case(name: str) -> Case:
    """The subject of a variant's or layer's name; without a peer if nobody has it.

    Raises:
        ValueError: If there is no such variant.
    """
    known = {x.name: x for x in _PEERS}
    if name in known:
        return known[name]
    name = models.get(name).name
    return known.get(name, Case(name))
