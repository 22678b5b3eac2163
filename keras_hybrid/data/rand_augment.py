"""RandAugment and color jitter: samples the operations and strengths of each image.

The operations are those of timm's `rand-m9-mstd0.5-inc1`, with which CvT, CeiT and
ConViT were trained: two of fifteen per image, each applied with probability one half.
Normal noise with standard deviation 0.5 is added to the magnitude. Five operations are
geometric and become affine matrices (`affine_matrices`); ten change colors
(`color_parameters`).

Every color operation is a special case of one sequence: blend with black, the mean, the
gray or a smoothed image; stretch or equalize the histogram; invert above a threshold;
add below 128; round down to a step. Operations that an image does not get have
parameters that change nothing, so the whole batch is computed at once.
"""

import dataclasses

import numpy as np

from keras_hybrid.data import affine

MAGNITUDE_NOISE = 0.5
PROBABILITY = 0.5
OPERATIONS = (
    *("rotate", "shear_x", "shear_y", "translate_x", "translate_y"),
    *("brightness", "contrast", "color", "sharpness", "autocontrast", "equalize"),
    *("invert", "solarize", "solarize_add", "posterize"),
)
# Columns of `color_parameters`, with their neutral value.
COLUMNS = {
    "factor": 1.0,  # weight of the image in a blend with another image
    "mean": 0.0,  # 1: the other image is the mean gray (contrast)
    "grey": 0.0,  # 1: the other image is the gray image (color)
    "smooth": 0.0,  # 1: the other image is smoothed (sharpness); all 0: black
    "autocontrast": 0.0,
    "equalize": 0.0,
    "threshold": 256.0,
    "add": 0.0,
    "step": 1.0,
}
_BLENDS = {"brightness": None, "contrast": "mean", "color": "grey"}
_BLENDS |= {"sharpness": "smooth"}


@dataclasses.dataclass(frozen=True)
class Choice:
    """The sampled operations of a batch, `(B, N)`: N operations per image, in order.

    Attributes:
        kind: Index in `OPERATIONS`, -1 for no operation.
        level: Magnitude from 0 to 1.
        sign: 1 or -1, the direction of an operation that has two.
    """

    kind: np.ndarray
    level: np.ndarray
    sign: np.ndarray

    def amount(self, name: str) -> np.ndarray:
        """Signed level where the operation is `name`, else 0."""
        return np.where(self.is_(name), self.level * self.sign, 0.0)

    def is_(self, name: str) -> np.ndarray:
        """Where the operation is `name`."""
        return self.kind == OPERATIONS.index(name)


def sample(
    rng: np.random.Generator, shape: tuple[int, int], magnitude: float
) -> Choice:
    """Samples `(B, N)` operations of RandAugment at a magnitude from 0 to 10."""
    kind = rng.integers(0, len(OPERATIONS), shape)
    level = rng.normal(magnitude, MAGNITUDE_NOISE, shape).clip(0, 10) / 10
    done = rng.random(shape) < PROBABILITY
    return Choice(np.where(done, kind, -1), level, rng.choice([-1.0, 1.0], shape))


def sample_trivial(rng: np.random.Generator, batch: int) -> Choice:
    """TrivialAugment's choice for `(B, 1)` operations (arXiv:2103.10158).

    Every operation, and none, is equally likely, at a uniformly random magnitude. The
    operations and their ranges are RandAugment's.
    """
    kind = rng.integers(-1, len(OPERATIONS), (batch, 1))
    level = rng.random((batch, 1))
    return Choice(kind, level, rng.choice([-1.0, 1.0], (batch, 1)))


def sample_jitter(rng: np.random.Generator, batch: int, most: float) -> Choice:
    """Samples changes of brightness, contrast and color, in random order per image."""
    first = OPERATIONS.index("brightness")
    kind = rng.permuted(np.tile(np.arange(first, first + 3), (batch, 1)), axis=1)
    change = rng.uniform(-most, most, kind.shape)
    return Choice(kind, abs(change) / 0.9, np.sign(change))


def affine_matrices(choice: Choice, height: int, width: int) -> list[np.ndarray]:
    """The matrices of the operations that move pixels, see `affine`."""
    matrices = []
    for column in range(choice.kind.shape[1]):
        one = Choice(*(x[:, column] for x in dataclasses.astuple(choice)))
        turned = affine.rotation(30 * one.amount("rotate"), height, width)
        sheared = affine.shear(0.3 * one.amount("shear_x"), 0.3 * one.amount("shear_y"))
        shifted = affine.shift(
            0.45 * width * one.amount("translate_x"),
            0.45 * height * one.amount("translate_y"),
        )
        matrices.append(
            turned @ sheared @ shifted
        )  # at most one of the three is not the identity
    return matrices


def color_parameters(choice: Choice) -> np.ndarray:
    """The operations that change colors: `(B, N, len(COLUMNS))` float32."""
    rows = {name: np.full(choice.kind.shape, x) for name, x in COLUMNS.items()}
    for name, other in _BLENDS.items():
        chosen = choice.is_(name)
        factor = np.maximum(1 + 0.9 * choice.level * choice.sign, 0.1)
        rows["factor"] = np.where(chosen, factor, rows["factor"])
        if other:
            rows[other] = np.where(chosen, 1.0, rows[other])
    for name in ("autocontrast", "equalize"):
        rows[name] = choice.is_(name) * 1.0
    strength = choice.level
    for name, column, value in (
        ("invert", "threshold", 0 * strength),
        ("solarize", "threshold", 256 - np.floor(256 * strength)),
        ("solarize_add", "add", np.floor(110 * strength)),
        ("posterize", "step", 2.0 ** (4 + np.floor(4 * strength))),
    ):
        rows[column] = np.where(choice.is_(name), value, rows[column])
    return np.stack(list(rows.values()), -1).astype("float32")
