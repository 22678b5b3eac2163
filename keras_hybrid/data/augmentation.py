"""The settings of augmentation.

The host samples the random parameters of every image of a batch with NumPy
(`sample_augmentation`). The training step applies them on the device
(`apply_augmentation`). Thus a batch is a pure function of `(seed, epoch, step)` and the
same on every backend.
"""

import dataclasses
from typing import Literal

import numpy as np

from keras_hybrid.data import custom_augmentation, sample_augmentation


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Settings of augmentation; the defaults change nothing.

    The text below each field is its help on the command line.
    """

    random_crop: tuple[float, float] | None = None
    """Smallest and largest area of a random resized crop, as a share of the image,
    e.g. 0.08 1; its aspect ratio is 3/4 to 4/3."""
    padding: int = 0
    """Largest random shift in pixels, horizontally and vertically."""
    fill_mode: Literal["constant", "reflect"] = "constant"
    """What lies beyond the edge: one colour (black; grey with RandAugment), or the
    image, reflected."""
    horizontal_flip: bool = False
    """Random left-right flips, with probability one half."""
    alternate_flips: bool = False
    """With horizontal_flip: mirror each image in every other epoch, not at random."""
    vertical_flip: bool = False
    """Random upside-down flips, with probability one half."""
    rotation: float = 0.0
    """Largest angle of random rotations in either direction, in degrees."""
    color_jitter: float = 0.0
    """Random changes of brightness, contrast and saturation, e.g. 0.4."""
    rand_augment: float = 0.0
    """Magnitude of RandAugment's two operations per image, 0 to 10; 9 is usual."""
    trivial_augment: bool = False
    """TrivialAugment: one of RandAugment's operations per image, at any magnitude."""
    random_erasing: float = 0.0
    """Probability that a box of an image is filled with noise, e.g. 0.25."""
    cutout: int = 0
    """Side in pixels of a gray square put on every image, in part over its edge."""
    mixup: float = 0.0
    """Alpha of mixup, e.g. 0.8; with CutMix, each batch gets one of the two."""
    cutmix: float = 0.0
    """Alpha of CutMix, e.g. 1.0."""
    mixing_probability: float = 1.0
    """Share of batches to which mixup or CutMix is applied."""
    mixing_end: float = 1.0
    """Share of the run after which images are no longer mixed, e.g. 0.9."""
    extra_augmentations: tuple[str, ...] = ()
    """Registered augmentations as NAME=STRENGTH, in this order, e.g. gamma=0.3."""

    def __post_init__(self) -> None:
        if self.random_crop is not None:
            low, high = self.random_crop
            if not 0 < low <= high <= 1:
                raise ValueError(
                    "random_crop takes two shares, 0 < low <= high <= 1, not "
                    f"{self.random_crop}."
                )
        limits = {
            "padding": np.inf,
            "rotation": 180,
            "color_jitter": 1,
            "rand_augment": 10,
            "random_erasing": 1,
            "cutout": np.inf,
            "mixup": np.inf,
            "cutmix": np.inf,
            "mixing_probability": 1,
            "mixing_end": 1,
        }
        for name, highest in limits.items():
            if not 0 <= getattr(self, name) <= highest:
                end = f"in [0, {highest}]" if highest < np.inf else "0 or more"
                raise ValueError(f"{name} must be {end}, not {getattr(self, name)}.")
        if self.trivial_augment and self.rand_augment:
            raise ValueError("Choose one of trivial_augment and rand_augment.")
        for setting in self.extra_augmentations:
            custom_augmentation.parse(setting)  # raises if it is unknown

    @property
    def mixes(self) -> bool:
        """Whether images are mixed in pairs."""
        return self.mixup > 0 or self.cutmix > 0

    @property
    def fill(self) -> float | None:
        """Value of pixels beyond the edge; None reflects the image."""
        if self.fill_mode == "reflect":
            return None
        return 128.0 if self.rand_augment or self.trivial_augment else 0.0

    def sample(
        self,
        rng: np.random.Generator,
        batch: int,
        height: int,
        width: int,
        flips: np.ndarray | None = None,
        progress: float = 0.0,
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Samples the parameters of one batch, see `sample_augmentation.sample`."""
        return sample_augmentation.sample(
            self, rng, batch, height, width, flips, progress
        )
