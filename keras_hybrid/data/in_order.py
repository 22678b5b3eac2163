"""Images to be judged by: in order, each once, a batch at a time."""

import keras
import numpy as np

from keras_hybrid.data.dataset import Split


class InOrder(keras.utils.PyDataset):
    """The batches of a split, for `evaluate` and validation.

    Args:
        split: The images.
        batch_size: Images a batch; the last may have fewer.
        classes: Number of classes; labels are given one-hot.
    """

    def __init__(self, split: Split, batch_size: int, classes: int):
        super().__init__()
        self.split = split
        self.batch_size = batch_size
        self.classes = classes

    def __len__(self) -> int:
        return -(-len(self.split) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        places = np.arange(len(self.split))[index * self.batch_size :]
        batch = self.split.take(places[: self.batch_size])
        return batch.images, np.eye(self.classes, dtype="float32")[batch.labels]
