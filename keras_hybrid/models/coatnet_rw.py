"""The CoAtNets with public weights, Ross Wightman's of timm: a table of their fields.

They differ from the paper in that a stage's channels grow at the end of its first
block rather than at the begin, convolutions use SiLU, and the head is a norm, the
mean and the classifier. What sets them apart from each other is in their rows. The
accuracies are timm's, at 224 pixels.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from keras_hybrid.models.coatnet import FAMILY
from keras_hybrid.models.family import IMAGENET, Preprocessing
from keras_hybrid.models.registry import Builder, variant

_HALF = Preprocessing(mean=(0.5,) * 3, std=(0.5,) * 3, crop=0.95)
_NANO_CROP = dataclasses.replace(_HALF, crop=0.9)

_RW = {"expand_first": False, "activation": "silu", "head_hidden": 0}
_NANO = _RW | {
    "depths": (3, 4, 6, 3),
    "widths": (64, 128, 256, 512),
    "stem_widths": (32, 64),
}
_LATE = _RW | {
    "depths": (2, 6, 14, 2),
    "stem_widths": (32, 64),
    "norm_activation": True,
    "conv_bias": False,
}
_EARLY = _LATE | {
    "squeeze_early": True,
    "squeeze_activation": "relu",
    "shortcut_bias": False,
}
_SHALLOW = _EARLY | {"depths": (2, 3, 7, 2)}
_WIDE = _LATE | {"widths": (128, 256, 512, 1024), "stem_widths": (64, 128)}


def _row(
    name: str,
    parameters: int,
    macs: int,
    reported: str,
    fields: Mapping[str, Any],
    preprocessing: Preprocessing = _HALF,
    **more: Any,
) -> Builder:
    family = dataclasses.replace(FAMILY, preprocessing=preprocessing)
    reported = f"ImageNet top-1 {reported}." if reported else ""
    return variant(family, name, parameters, macs, reported, **{**fields, **more})


CoAtNetNanoRW = _row(
    "CoAtNetNanoRW",
    15_141_244,
    2_382_700_000,
    "81.7 %",
    _NANO,
    _NANO_CROP,
    stride_by="pool",
)
CoAtNetRMLPNanoRW = _row(
    "CoAtNetRMLPNanoRW",
    15_145_116,
    2_594_100_000,
    "82.1 %",
    _NANO,
    _NANO_CROP,
    bias_source="mlp",
    bias_mlp_width=384,
)
CoAtNet0RW = _row(
    "CoAtNet0RW",
    27_435_562,
    4_406_300_000,
    "82.4 %",
    _SHALLOW,
    stride_by="pool",
)
CoAtNetBN0RW = _row(
    "CoAtNetBN0RW",
    27_435_562,
    4_647_100_000,
    "82.4 %",
    _SHALLOW,
    dataclasses.replace(IMAGENET, crop=0.95),
    norm="batch",
)
CoAtNet1RW = _row("CoAtNet1RW", 41_721_502, 7_992_200_000, "83.6 %", _EARLY)
CoAtNetRMLP1RW = _row(
    "CoAtNetRMLP1RW",
    41_691_982,
    7_807_100_000,
    "83.4 %",
    _EARLY,
    stride_by="pool",
    pool="max",
    bias_source="mlp",
    bias_mlp_width=384,
)
CoAtNetRMLP1RW2 = _row(
    "CoAtNetRMLP1RW2",
    41_724_622,
    8_066_500_000,
    "84.9 % after ImageNet-12k",
    _LATE,
    squeeze_activation="relu",
    bias_source="mlp",
)
CoAtNet2RW = _row(
    "CoAtNet2RW", 73_868_400, 15_019_300_000, "86.6 % after ImageNet-12k", _WIDE
)
CoAtNetRMLP2RW = _row(
    "CoAtNetRMLP2RW",
    73_881_264,
    15_114_800_000,
    "84.6 %, 86.5 % after ImageNet-12k",
    _WIDE,
    bias_source="mlp",
    layer_scale=1e-6,
)
CoAtNet3RW = _row(
    "CoAtNet3RW",
    165_173_428,
    33_321_000_000,
    "",
    _LATE,
    widths=(192, 384, 768, 1536),
    stem_widths=(96, 192),
    layer_scale=1e-6,
)
