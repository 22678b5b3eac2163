"""The families, their variants and what can be done with a built model."""

from keras_hybrid.models.assembly import features, logits, with_head
from keras_hybrid.models.atc import (
    ATC,
    ATC3,
    ATC5A,
    ATC5B,
    ATC5C,
    ATC9,
    ATC13,
    ATC15,
    ATCRes3,
    ATCRes15,
)
from keras_hybrid.models.ceit import CeiT, CeiTBase, CeiTSmall, CeiTTiny
from keras_hybrid.models.convit import (
    ConViT,
    ConViTBase,
    ConViTBasePlus,
    ConViTSmall,
    ConViTSmallPlus,
    ConViTTiny,
    ConViTTinyPlus,
)
from keras_hybrid.models.cvt import CvT, CvT13, CvT21, CvTW24
from keras_hybrid.models.registry import get, list_models

__all__ = [
    "ATC",
    "ATC13",
    "ATC15",
    "ATC3",
    "ATC5A",
    "ATC5B",
    "ATC5C",
    "ATC9",
    "ATCRes15",
    "ATCRes3",
    "CeiT",
    "CeiTBase",
    "CeiTSmall",
    "CeiTTiny",
    "ConViT",
    "ConViTBase",
    "ConViTBasePlus",
    "ConViTSmall",
    "ConViTSmallPlus",
    "ConViTTiny",
    "ConViTTinyPlus",
    "CvT",
    "CvT13",
    "CvT21",
    "CvTW24",
    "features",
    "get",
    "list_models",
    "logits",
    "with_head",
]
