"""A family: the network, config and preprocessing that its variants share."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias

from keras_hybrid.utils.typing import Fit, Tensor

Network: TypeAlias = Callable[[Tensor, Any], tuple[Tensor | None, Tensor]]
"""`network(x, config)`, from a normalized image `(B, H, W, channels)` to a pair.

The pair is the last feature map `(B, h, w, C)` and the vector `(B, D)` that the
classifier reads. The map is None where the config leaves it out; see
`Family.with_map`.
"""


def _same(config: Any) -> Any:
    return config


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How images become input, as the published weights expect it.

    Attributes:
        mean, std: Per channel, of pixels scaled to [0, 1].
        crop: Share of the resized image that the central crop keeps.
        interpolation: Filter of the resize.
        fit: How an image of another shape fills the input: `"crop"` keeps its center;
            `"stretch"` resizes all of it, whatever its aspect ratio is, and `"pad"`
            adds bars; both crop nothing.
    """

    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    crop: float = 0.875
    interpolation: str = "bicubic"
    fit: Fit = "crop"


IMAGENET = Preprocessing()


@dataclasses.dataclass(frozen=True)
class Family:
    """A family of models, usually from one paper.

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
        with_map: From a config to the config of the same network with its map. It is
            called where a model ends in the map, and changes configs that leave out
            what only the map needs.
    """

    name: str
    network: Network
    config: type[Any]
    input_shape: tuple[int, int, int]
    classes: int
    paper: str
    preprocessing: Preprocessing = IMAGENET
    with_map: Callable[[Any], Any] = _same
