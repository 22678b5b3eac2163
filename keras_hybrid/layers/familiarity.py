"""Whether an image is like those that a classifier was trained on."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_hybrid.utils.typing import Shape, Tensor, fixed

_TINY = 1e-12
_FAR = 2.0


@keras.saving.register_keras_serializable("keras_hybrid")
class Familiarity(keras.layers.Layer):
    """Passes logits on, and gives the share of known images that look as strange.

    Four signals say how strange an image is:

    - the energy of its logits, `-logsumexp(logits)` (Liu et al. 2020,
      arXiv:2010.03759),
    - the logarithm of a Mahalanobis distance (Lee et al. 2018, arXiv:1807.03888):
      of the means and deviations of a map's channels to those of training images,
    - the same with means over deviations in place of means,
    - such a distance of the contrast and sharpness of the image itself.

    Each is centered and scaled by its values for held-out images: 0 is the median, and
    5 % of them are above 1. Below 1 a distance says little of classes that are near to
    the known ones, which the energy tells apart best. So distances count from 1 on.
    `known` is the share of held-out images that are stranger: a conformal p-value
    (Bates et al. 2023, arXiv:2104.08279), linear between `knots`.

    The weights are not trained: `train.fit_familiarity` computes them.

    Args:
        knots: Number of points of the curve from strangeness to `known`.

    Call arguments:
        logits: `(B, classes)`.
        statistics: `ChannelStatistics` of a map, `(B, 3 * C)`.
        image: `ImageStatistics` of the image, `(B, S)`.

    Returns:
        `logits`, and `known`, `(B, 1)` in [0, 1]: below 0.05 an image is stranger than
        19 of 20 held-out images.
    """

    def __init__(self, knots: int = 33, **kwargs: Any):
        super().__init__(**kwargs)
        self.knots = knots

    def build(self, input_shape: Sequence[Shape]) -> None:
        width, image = (fixed(shape[-1:])[0] for shape in input_shape[1:])
        part = 2 * width // 3
        self.centers = [
            self._constant(f"center{i}", (x,)) for i, x in enumerate((width, image))
        ]
        self.factors = [
            self._constant(f"factor{i}", (x, x))
            for i, x in enumerate((part, part, image))
        ]
        self.middle = self._constant("middle", (4,))
        self.spread = self._constant("spread", (4,), "ones")
        self.strangeness = self._constant("strangeness", (self.knots,))
        self.share = self._constant("share", (self.knots,))

    def _constant(
        self, name: str, shape: Shape, initializer: str = "zeros"
    ) -> keras.Variable:
        return self.add_weight(shape, initializer, trainable=False, name=name)

    def signals(self, inputs: Sequence[Tensor]) -> Tensor:
        """How strange images are by each signal, `(B, 4)`, not yet scaled."""
        logits, *statistics = inputs
        found = [-ops.logsumexp(logits, axis=-1)]
        centered = [x - y for x, y in zip(statistics, self.centers, strict=True)]
        for x, factor in zip(distance_inputs(*centered), self.factors, strict=True):
            distance = ops.sum(ops.square(ops.matmul(x, factor)), axis=-1)
            found.append(ops.log(distance + _TINY))
        return ops.stack(found, axis=-1)

    def combined(self, signals: Tensor) -> Tensor:
        """How strange images are by all signals, `(B,)`."""
        scaled = (signals - self.middle) / self.spread
        energy, distances = scaled[:, 0], scaled[:, 1:]
        return energy + _FAR * ops.sum(ops.maximum(distances - 1, 0), axis=-1)

    def call(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        strange = self.combined(self.signals(inputs))[:, None]
        low, high = self.strangeness[:-1], self.strangeness[1:]
        passed = ops.clip((strange - low) / (high - low + _TINY), 0, 1)
        fall = self.share[:-1] - self.share[1:]
        known = self.share[0] - ops.sum(passed * fall, axis=-1, keepdims=True)
        return inputs[0], ops.clip(known, 0, 1)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> tuple[Shape, Shape]:
        logits = input_shape[0]
        return logits, (logits[0], 1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"knots": self.knots}


def distance_inputs(statistics: Tensor, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What each Mahalanobis distance is computed from.

    Args:
        statistics: `ChannelStatistics`, `(B, 3 * C)`.
        image: `ImageStatistics`, `(B, S)`.

    Returns:
        Means and deviations, and means over deviations and deviations, both
        `(B, 2 * C)`; and `image`.
    """
    width = statistics.shape[-1] // 3
    means, ratios, deviations = (
        statistics[:, i * width : (i + 1) * width] for i in range(3)
    )
    return (
        ops.concatenate([means, deviations], axis=-1),
        ops.concatenate([ratios, deviations], axis=-1),
        image,
    )
