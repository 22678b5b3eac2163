"""The networks of the benchmarks, and their peers in other libraries.

The weights of a peer are loaded into the Keras model, so both compute the same outputs.
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
        name: Name of a variant, or a key of `LAYERS`.
        peer: `library:name` of the same network in another library, see `peers`; None
            without a peer.
        options: Config fields that make the Keras model equal to the peer.
        has_rival: Whether a ResNet-18 of as many multiply-adds is a candidate.
    """

    name: str
    peer: str | None = None
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    has_rival: bool = False

    @property
    def is_layer(self) -> bool:
        """Whether it is a single layer, whose input and output are feature maps."""
        return self.name in LAYERS

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """`(H, W, C)` of the input."""
        if self.is_layer:
            return (GRID, GRID, LAYERS[self.name][0])
        return models.get(self.name).family.input_shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output for one image."""
        if self.is_layer:
            return self.input_shape
        return (models.get(self.name).family.classes,)

    def build(self) -> keras.Model:
        """The Keras model: normalized input to logits, without stochastic depth."""
        if self.is_layer:
            return _gpsa(*LAYERS[self.name])
        return models.get(self.name).builder(
            include_preprocessing=False,
            classifier_activation=None,
            drop_path_rate=0.0,
            **self.options,
        )


def _gpsa(width: int, heads: int) -> keras.Model:
    """ConViT's position embedding and first GPSA layer; its input needs gradients."""
    inputs = keras.Input((GRID, GRID, width))
    x = position_embedding(inputs, inputs, "position", class_token=False)
    config = ConViTConfig(width=width, heads=heads)
    return keras.Model(inputs, gpsa(x, config, "block1_attention"))


_PEERS = (
    Case("gpsa_tiny", "timm:gpsa"),
    Case("gpsa_small", "timm:gpsa"),
    Case("convit_tiny", "timm:convit_tiny"),
    Case("convit_small", "timm:convit_small"),
    Case("coatnet0", "timm:coatnet_0_224"),
    # timm's MaxxVit with the stages of Astroformer, whose code is a copy of timm's
    Case("astroformer0", "timm:astroformer_0"),
    # transformers computes CvT with the exact GELU
    Case("cvt13", "transformers:cvt-13", {"activation": "gelu"}),
    Case("ceit_tiny", "official:ceit_model:ceit_tiny_patch16_224"),
    # 32 pixels, as the recipes train it
    Case("atc3", "torch:atc", {"strides": (2, 2, 2)}, has_rival=True),
    Case("atc13", "torch:atc", {"strides": (2, 2, 2)}, has_rival=True),
)


def case(name: str) -> Case:
    """The case of a variant or layer.

    Raises:
        ValueError: If there is no variant of that name.
    """
    known = {x.name: x for x in _PEERS}
    if name in known:
        return known[name]
    name = models.get(name).name
    return known.get(name, Case(name))
