"""Batches of a split for validation and test, all of the same size."""

import math

import keras
import numpy as np

from keras_hybrid.data.dataset import Split


class Evaluation(keras.utils.PyDataset):
    """Yields every image once; the last batch is padded with images of weight zero.

    Batches of one size are compiled once and divide among devices. The images weigh
    `1 + padding / images` each, because Keras averages the loss over the images of a
    batch and not over their weights; so the loss, and metrics given to `compile` as
    `weighted_metrics`, are the means over the split.

    Args:
        split: The images.
        classes: Number of classes; labels are given one-hot.
        batch_size: Largest number of images per batch; fewer save padding.
        multiple: A number that divides the batch size.
    """

    def __init__(self, split: Split, classes: int, batch_size: int, multiple: int = 1):
        super().__init__()
        self.split = split
        self.classes = classes
        self._steps = math.ceil(len(split) / max(batch_size, multiple))
        self.batch_size = multiple * math.ceil(len(split) / self._steps / multiple)

    @property
    def num_batches(self) -> int:
        """The number of batches."""
        return self._steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        indices = index * self.batch_size + np.arange(self.batch_size)
        there = indices < len(self.split)
        batch = self.split.take(np.where(there, indices, 0))
        weight = self._steps * self.batch_size / len(self.split)
        labels = np.eye(self.classes, dtype="float32")[batch.labels]
        return np.asarray(batch.images), labels, (weight * there).astype("float32")
