"""What the variants of one paper share: network, configuration, preprocessing."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias

from keras_hybrid.utils.typing import Tensor

Network: TypeAlias = Callable[
    [Tensor, Any], tuple[Tensor | Callable[[], Tensor], Tensor]
]
"""`network(x, config)`, from a normalized image `(B, H, W, channels)` to a pair.

The pair is the last feature map `(B, h, w, C)` and the vector `(B, D)` that the
classifier reads. The map may be a function that builds it: then its layers are in the
model only where the model's output is the map.
"""


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How images become input, as the published weights expect it.

    Attributes:
        mean, std: Per channel, of pixels scaled to [0, 1].
        crop: Share of the resized image that the central crop keeps.
        interpolation: Filter of the resize.
    """

    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    crop: float = 0.875
    interpolation: str = "bicubic"


IMAGENET = Preprocessing()


@dataclasses.dataclass(frozen=True)
class Family:
    """What the variants of one paper share.

    Attributes:
        name: The paper's name of the architecture, which the generic builder has, too.
        network: `network(x, config)` returns `(map, vector)`: the last feature map
            `(B, h, w, C)`, and the vector `(B, D)` that the classifier reads. `x` is
            the normalized image `(B, H, W, channels)`.
        config: The frozen dataclass of the hyper-parameters. Every field has a default;
            `option` gives it together with a line of help.
        input_shape: Default `(height, width, channels)`.
        classes: Default number of classes.
        paper: Citation.
        preprocessing: Normalization and evaluation crop of the published weights.
    """

    name: str
    network: Network
    config: type[Any]
    input_shape: tuple[int, int, int]
    classes: int
    paper: str
    preprocessing: Preprocessing = IMAGENET
