"""What augmentation samples: the settings, and one batch's random numbers.

The host samples with NumPy, once a batch and for every image; `augment.augment` turns
pixels by these numbers on the device. So a batch is a pure function of
`(seed, epoch, step)` and looks the same on every backend.
"""

import dataclasses

import numpy as np

from keras_hybrid.data import affine, rand_augment

# Box of the erased area: share of the image, and height over width (timm's).
_ERASED_AREA = (0.02, 1 / 3)
_ERASED_RATIO = (0.3, 1 / 0.3)


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Settings of augmentation; the defaults leave images as they are.

    The text below each field is its help on the command line.
    """

    random_crop: tuple[float, float] | None = None
    """Smallest and largest share of the image that a random resized crop keeps, e.g.
    0.08 1; its width is 3/4 to 4/3 of its height."""
    padding: int = 0
    """Random shifts by up to so many pixels, horizontally and vertically."""
    horizontal_flip: bool = False
    """Random left-right flips, with probability one half."""
    vertical_flip: bool = False
    """Random upside-down flips, with probability one half."""
    rotation: float = 0.0
    """Random rotations by up to so many degrees either way."""
    color_jitter: float = 0.0
    """Random changes of brightness, contrast and saturation, e.g. 0.4."""
    rand_augment: float = 0.0
    """Magnitude of RandAugment's two operations per image, 0 to 10; 9 is usual."""
    random_erasing: float = 0.0
    """Share of images in which a box is filled with noise, e.g. 0.25."""
    mixup: float = 0.0
    """Alpha of mixup, e.g. 0.8; with CutMix, each batch takes one of the two."""
    cutmix: float = 0.0
    """Alpha of CutMix, e.g. 1.0."""

    def __post_init__(self):
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
            "mixup": np.inf,
            "cutmix": np.inf,
        }
        for name, highest in limits.items():
            if not 0 <= getattr(self, name) <= highest:
                end = f"in [0, {highest}]" if highest < np.inf else "0 or more"
                raise ValueError(f"{name} must be {end}, not {getattr(self, name)}.")

    @property
    def mixes(self) -> bool:
        """Whether images are mixed in pairs."""
        return self.mixup > 0 or self.cutmix > 0

    @property
    def fill(self) -> float:
        """What geometry shows beyond the edge: black, with RandAugment grey."""
        return 128.0 if self.rand_augment else 0.0

    def sample(
        self, rng: np.random.Generator, batch: int, height: int, width: int
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The random numbers of one batch.

        Args:
            rng: Source of the samples.
            batch: Images in the batch.
            height: Of the images, in pixels.
            width: Of the images, in pixels.

        Returns:
            What `augment.augment` takes, every array with `batch` rows: `warp`,
            `color`, `jitter`, `erase` and `noise`, `keep` and `cut`, each only where
            a setting asks for it. Then how much of each image's own label remains,
            `(batch,)`; the rest goes to its partner's, see `swap_neighbours`.
        """
        samples, own = {}, np.ones(batch, "float32")
        maps = self._basic_maps(rng, batch, height, width)
        if self.rand_augment:
            chosen = rand_augment.sample(rng, (batch, 2), self.rand_augment)
            maps += rand_augment.affine_matrices(chosen, height, width)
            samples["color"] = rand_augment.color_parameters(chosen)
        if self.color_jitter:
            chosen = rand_augment.sample_jitter(rng, batch, self.color_jitter)
            samples["jitter"] = rand_augment.color_parameters(chosen)
        if maps:
            samples["affine"] = affine.compose(maps)
        if self.random_erasing:
            samples["erase"] = _erased(rng, batch, height, width, self.random_erasing)
            samples["noise"] = rng.integers(0, 1 << 16, batch, dtype="int32")
        if self.mixes:
            samples["lam"], samples["bbox"], own = self._mix(rng, batch, height, width)
        return samples, own

    def _basic_maps(self, rng, batch, height, width) -> list[np.ndarray]:
        maps = []
        if self.random_crop:
            size = (batch, height, width)
            maps.append(affine.resized_crop(rng, *size, self.random_crop))
        if self.padding:
            shift = rng.integers(-self.padding, self.padding + 1, (batch, 2))
            maps.append(affine.shift(shift[:, 0], shift[:, 1]))
        if self.horizontal_flip or self.vertical_flip:
            across = (rng.random(batch) < 0.5) & self.horizontal_flip
            down = (rng.random(batch) < 0.5) & self.vertical_flip
            maps.append(affine.flip(across, down, height, width))
        if self.rotation:
            angle = rng.uniform(-self.rotation, self.rotation, batch)
            maps.append(affine.rotation(angle, height, width))
        return maps

    def _mix(self, rng, batch, height, width):
        """timm's batch mode: one weight and one box for all pairs of a batch."""
        cuts = self.cutmix > 0 and (not self.mixup or rng.random() < 0.5)
        alpha = self.cutmix if cuts else self.mixup
        weight = float(rng.beta(alpha, alpha))
        box, keep = np.zeros(4, "int32"), weight
        if cuts:
            centre = rng.integers(0, [height, width])
            half = (np.sqrt(1 - weight) * np.array([height, width])).astype(int) // 2
            low = np.maximum(centre - half, 0)
            high = np.minimum(centre + half, [height, width])
            box, keep = np.concatenate([low, high]).astype("int32"), 1.0
            weight = 1 - np.prod(high - low) / (height * width)
        keep, own = (np.full(batch, share, "float32") for share in (keep, weight))
        return keep, np.tile(box, (batch, 1)), own


def swap_neighbours(labels: np.ndarray) -> np.ndarray:
    """`(B, K)` labels of every image's partner: 0 and 1 swap, 2 and 3, and so on.

    (timm pairs first with last. Neighbours stay together when a batch is shared out
    to several devices, and in a shuffled batch the two are as good.)
    """
    pairs = labels.reshape(-1, 2, labels.shape[-1])
    return pairs[:, ::-1].reshape(labels.shape)


def _erased(rng, batch, height, width, probability) -> np.ndarray:
    """`(B, 4)` top, left, bottom, right of the erased boxes; empty where there is none.

    Ten tries an image to draw a box that is smaller than the image, as timm's.
    """
    area = rng.uniform(*_ERASED_AREA, (batch, 10)) * height * width
    ratio = np.exp(rng.uniform(*np.log(_ERASED_RATIO), (batch, 10)))
    tall = np.rint(np.sqrt(area * ratio))
    wide = np.rint(np.sqrt(area / ratio))
    fits = (tall < height) & (wide < width)
    rows, chosen = np.arange(batch), fits.argmax(1)
    erased = fits[rows, chosen] & (rng.random(batch) < probability)
    tall, wide = tall[rows, chosen] * erased, wide[rows, chosen] * erased
    top = np.floor(rng.random(batch) * (height - tall + 1))
    left = np.floor(rng.random(batch) * (width - wide + 1))
    return np.stack([top, left, top + tall, left + wide], 1).astype("int32")
