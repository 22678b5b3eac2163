"""Samples the random parameters of augmentation for a batch, with NumPy."""

from typing import TYPE_CHECKING

import numpy as np

from keras_hybrid.data import affine, custom_augmentation, rand_augment

if TYPE_CHECKING:
    from keras_hybrid.data.augmentation import Augmentation

# The erased box: its share of the image, and height / width (timm's values).
_ERASED_AREA = (0.02, 1 / 3)
_ERASED_RATIO = (0.3, 1 / 0.3)


def sample(
    settings: "Augmentation",
    rng: np.random.Generator,
    batch: int,
    height: int,
    width: int,
    flips: np.ndarray | None = None,
    progress: float = 0.0,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Samples the parameters of one batch.

    Args:
        settings: Settings of augmentation.
        rng: Source of the random numbers.
        batch: Number of images.
        height: Height of the images, in pixels.
        width: Width of the images, in pixels.
        flips: `(batch,)` bool, which images to mirror; None decides at random.
        progress: Share of the run that is over, in [0, 1].

    Returns:
        First, the argument `samples` of `apply_augmentation.augment`: arrays with
        `batch` rows, `affine`, `color`, `jitter`, `erase` and `noise`, `cutout`,
        `lam` and `bbox`, and `extra0_NAME` and so on, each only if a setting needs it.
        Second, the weight of each image's label, `(batch,)`; the remaining weight is
        that of its partner's label, see `swap_neighbors`.
    """
    samples: dict[str, np.ndarray] = {}
    label_lam = np.ones(batch, "float32")
    matrices = _basic_matrices(settings, rng, batch, height, width, flips)
    if settings.rand_augment or settings.trivial_augment:
        if settings.trivial_augment:
            choice = rand_augment.sample_trivial(rng, batch)
        else:
            choice = rand_augment.sample(rng, (batch, 2), settings.rand_augment)
        matrices += rand_augment.affine_matrices(choice, height, width)
        samples["color"] = rand_augment.color_parameters(choice)
    if settings.color_jitter:
        choice = rand_augment.sample_jitter(rng, batch, settings.color_jitter)
        samples["jitter"] = rand_augment.color_parameters(choice)
    if matrices:
        samples["affine"] = affine.compose(matrices)
    if settings.random_erasing:
        share = settings.random_erasing
        samples["erase"] = _erased_boxes(rng, batch, height, width, share)
        samples["noise"] = rng.integers(0, 1 << 16, batch, dtype="int32")
    if settings.cutout:
        samples["cutout"] = _squares(rng, batch, height, width, settings.cutout)
    if settings.mixes:
        lam, bbox, label_lam = _mixing(settings, rng, batch, height, width, progress)
        samples["lam"], samples["bbox"] = lam, bbox
    for i, setting in enumerate(settings.extra_augmentations):
        name, strength = custom_augmentation.parse(setting)
        values = custom_augmentation.get_augmentation(name).sample(rng, batch, strength)
        samples[f"extra{i}_{name}"] = np.asarray(values, "float32")
    return samples, label_lam


def swap_neighbors(labels: np.ndarray) -> np.ndarray:
    """Labels `(B, K)` of every image's partner: 0 and 1 swap, 2 and 3, and so on.

    timm pairs the first image with the last. Neighbors stay together when a batch is
    divided among devices; in a shuffled batch both pairings are equally random.
    """
    pairs = labels.reshape(-1, 2, labels.shape[-1])
    return pairs[:, ::-1].reshape(labels.shape)


def _basic_matrices(
    settings: "Augmentation",
    rng: np.random.Generator,
    batch: int,
    height: int,
    width: int,
    flips: np.ndarray | None,
) -> list[np.ndarray]:
    matrices = []
    if settings.random_crop:
        area = settings.random_crop
        matrices.append(affine.resized_crop(rng, batch, height, width, area))
    if settings.padding:
        shift = rng.integers(-settings.padding, settings.padding + 1, (batch, 2))
        matrices.append(affine.shift(shift[:, 0], shift[:, 1]))
    if settings.horizontal_flip or settings.vertical_flip:
        across = (rng.random(batch) < 0.5) & settings.horizontal_flip
        if flips is not None:
            across = flips
        down = (rng.random(batch) < 0.5) & settings.vertical_flip
        matrices.append(affine.flip(across, down, height, width))
    if settings.rotation:
        angle = rng.uniform(-settings.rotation, settings.rotation, batch)
        matrices.append(affine.rotation(angle, height, width))
    return matrices


def _mixing(
    settings: "Augmentation",
    rng: np.random.Generator,
    batch: int,
    height: int,
    width: int,
    progress: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixel lambda, box and label lambda: one for the batch, as timm's batch mode."""
    cuts = settings.cutmix > 0 and (not settings.mixup or rng.random() < 0.5)
    alpha = settings.cutmix if cuts else settings.mixup
    label_lam = float(rng.beta(alpha, alpha))
    lam, bbox = label_lam, np.zeros(4, "int32")
    if cuts:
        center = rng.integers(0, [height, width])
        half = (np.sqrt(1 - label_lam) * np.array([height, width])).astype(int) // 2
        low = np.maximum(center - half, 0)
        high = np.minimum(center + half, [height, width])
        lam, bbox = 1.0, np.concatenate([low, high]).astype("int32")
        label_lam = float(1 - np.prod(high - low) / (height * width))
    share = settings.mixing_probability
    if (share < 1 and rng.random() >= share) or progress >= settings.mixing_end:
        lam, bbox, label_lam = 1.0, np.zeros(4, "int32"), 1.0
    return (
        np.full(batch, lam, "float32"),
        np.tile(bbox, (batch, 1)),
        np.full(batch, label_lam, "float32"),
    )


def _squares(
    rng: np.random.Generator, batch: int, height: int, width: int, side: int
) -> np.ndarray:
    """`(B, 4)` top, left, bottom, right of cutout's squares (arXiv:1708.04552)."""
    corner = rng.integers(0, [height, width], (batch, 2)) - side // 2
    return np.concatenate([corner, corner + side], 1).astype("int32")


def _erased_boxes(
    rng: np.random.Generator, batch: int, height: int, width: int, probability: float
) -> np.ndarray:
    """Erased boxes `(B, 4)`: top, left, bottom, right; some boxes are empty.

    A box is sampled up to ten times until it is smaller than the image, as in timm.
    """
    area = rng.uniform(*_ERASED_AREA, (batch, 10)) * height * width
    lowest, highest = np.log(_ERASED_RATIO)
    ratio = np.exp(rng.uniform(lowest, highest, (batch, 10)))
    tall = np.rint(np.sqrt(area * ratio))
    wide = np.rint(np.sqrt(area / ratio))
    fits = (tall < height) & (wide < width)
    rows, chosen = np.arange(batch), fits.argmax(1)
    erased = fits[rows, chosen] & (rng.random(batch) < probability)
    tall, wide = tall[rows, chosen] * erased, wide[rows, chosen] * erased
    top = np.floor(rng.random(batch) * (height - tall + 1))
    left = np.floor(rng.random(batch) * (width - wide + 1))
    return np.stack([top, left, top + tall, left + wide], 1).astype("int32")
