"""The stream of training batches, a pure function of the seed and the step."""

import time

import keras
import numpy as np

from keras_hybrid.data.augment import flip, pad_crop
from keras_hybrid.data.dataset import Split


class Batches(keras.utils.PyDataset):
    """Endless shuffled, augmented batches; batch `i` depends on `(seed, i)` alone.

    Every epoch sees each image once, in an order drawn from `(seed, epoch)`; the
    last, incomplete batch is left out. `start_epoch` makes the stream begin where a
    run goes on, so that a resumed run sees what an unbroken one would have.

    Args:
        split: The images.
        batch_size: Images a batch.
        classes: Number of classes; labels are given one-hot.
        seed: Of order and augmentation.
        padding: Pixels of random shift, see `augment.pad_crop`.
        mirror: Whether to flip left to right at random.
        start_epoch: The epoch of batch 0.

    Raises:
        ValueError: If there are fewer images than a batch.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        classes: int,
        seed: int,
        padding: int = 0,
        mirror: bool = False,
        start_epoch: int = 0,
    ):
        super().__init__()
        if len(split) < batch_size:
            raise ValueError(
                f"{len(split)} training images do not fill a batch of {batch_size}; "
                "lower --batch-size."
            )
        self.split = split
        self.batch_size = batch_size
        self.classes = classes
        self.seed = seed
        self.padding = padding
        self.mirror = mirror
        self.start_epoch = start_epoch
        self.steps_per_epoch = len(split) // batch_size
        self.seconds = 0.0  # spent making batches
        self._order = (None, None)

    @property
    def num_batches(self) -> None:
        """None: the stream has no end."""
        return None

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        began = time.perf_counter()
        epoch, step = divmod(index, self.steps_per_epoch)
        epoch += self.start_epoch
        places = self._epoch_order(epoch)[step * self.batch_size :][: self.batch_size]
        batch = self.split.take(places)
        rng = np.random.default_rng([self.seed, epoch, 1 + step])
        images = pad_crop(batch.images, self.padding, rng)
        images = flip(images, rng) if self.mirror else images
        labels = np.eye(self.classes, dtype="float32")[batch.labels]
        self.seconds += time.perf_counter() - began
        return images.astype("float32"), labels

    def _epoch_order(self, epoch: int) -> np.ndarray:
        if self._order[0] != epoch:
            rng = np.random.default_rng([self.seed, epoch])
            self._order = (epoch, rng.permutation(len(self.split)))
        return self._order[1]
