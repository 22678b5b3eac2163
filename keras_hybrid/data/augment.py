"""Augmentation of a whole batch at once, every image by its own draw."""

import numpy as np


def pad_crop(images: np.ndarray, padding: int, rng: np.random.Generator) -> np.ndarray:
    """Pads by `padding` black pixels and crops back at a random place per image.

    (Keras' RandomCrop draws one place for the whole batch.)

    Args:
        images: `(B, H, W, C)`.
        padding: Pixels on each side.
        rng: Source of the draws.
    """
    if not padding:
        return images
    batch, height, width, _ = images.shape
    sides = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    padded = np.pad(images, sides)
    top, left = rng.integers(0, 2 * padding + 1, (2, batch))
    rows = top[:, None, None] + np.arange(height)[None, :, None]
    columns = left[:, None, None] + np.arange(width)[None, None, :]
    return padded[np.arange(batch)[:, None, None], rows, columns]


def flip(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirrors each image left to right with probability one half."""
    mirrored = rng.random(len(images)) < 0.5
    return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
