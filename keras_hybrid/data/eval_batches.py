"""Batches of equal size for validation and test."""

import math

import keras
import numpy as np

from keras_hybrid.data.dataset import Split
from keras_hybrid.data.labels import check_labels
from keras_hybrid.data.targets import target_rows


class Evaluation(keras.utils.PyDataset):
    """Yields every image once; the last batch is padded with images of weight zero.

    With batches of one size a model is compiled once, and batches divide evenly among
    devices. Each image has the sample weight `1 + padding / images`, because Keras
    averages the loss over the images of a batch and not over their weights. Thus the
    loss, and metrics passed to `compile` as `weighted_metrics`, are means over the
    split.

    Args:
        split: The images.
        classes: Number of classes, for one-hot labels, or of other outputs.
        batch_size: Largest batch size; a smaller one is chosen where it saves padding.
        multiple: The batch size is a multiple of this number, e.g. of devices.

    Raises:
        ValueError: If there are no images, or a label is outside [0, classes - 1].
    """

    def __init__(self, split: Split, classes: int, batch_size: int, multiple: int = 1):
        super().__init__()
        if not len(split):
            raise ValueError("There are no images to evaluate.")
        check_labels(split.labels, classes)
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
        real = indices < len(self.split)  # the others are padding
        batch = self.split.take(np.where(real, indices, 0))
        weight = self._steps * self.batch_size / len(self.split)
        labels = target_rows(batch.labels, self.classes)
        return np.asarray(batch.images), labels, (weight * real).astype("float32")
