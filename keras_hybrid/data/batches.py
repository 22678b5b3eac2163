"""The stream of training batches, a pure function of the seed and the step."""

import time
from collections.abc import Callable

import keras
import numpy as np

from keras_hybrid.data.augmentation import Augmentation
from keras_hybrid.data.dataset import Split
from keras_hybrid.data.keras_cv_layers import HostAugmenter
from keras_hybrid.data.labels import check_labels, likeliest
from keras_hybrid.data.sample_augmentation import swap_neighbors
from keras_hybrid.data.targets import target_rows

_NONE = Augmentation()


def check_batch_size(batch_size: int, images: int, augmentation: Augmentation) -> None:
    """Raises ValueError if images are too few, or a batch is odd and mixed in pairs."""
    if images < batch_size:
        raise ValueError(
            f"{images} training images do not fill a batch of {batch_size}; lower "
            "--batch-size."
        )
    if augmentation.mixes and batch_size % 2:
        raise ValueError(
            f"mixup and cutmix pair images: --batch-size {batch_size} is odd; give "
            f"{max(batch_size - 1, 2)}."
        )


class Batches(keras.utils.PyDataset):
    """Endless shuffled batches; batch `i` depends on `(seed, i)` alone.

    A batch is `(inputs, labels)`. `inputs` holds the original `images`, uint8
    `(B, H, W, 3)`, or their `indices` in the split, and the parameters from
    `Augmentation.sample`. `labels` are `target_rows`, already mixed.

    With `marks_progress` the inputs also hold `progress`, `(B,)`: the share of the run
    that is over, as the attribute `progress` computes it.

    Each epoch has every image once, in an order that depends on `(seed, epoch)`; the
    last, incomplete batch is left out. With `repeats` an epoch has the same length but
    only `1 / repeats` of the images, each `repeats` times in one batch. With `balanced`
    an epoch has the same length, too, and as many images of each class; those of a
    rare class occur more than once.

    Args:
        split: The images.
        batch_size: Images per batch.
        classes: Number of classes, or of other outputs.
        seed: Seed of order and augmentation.
        augmentation: Settings of augmentation.
        repeats: How often an image occurs in its batch (repeated augmentation).
        resident: Whether inputs have `indices`, because the images are on the device.
        augmenter: Augments on the host instead, `(images, labels) -> (images,
            labels)`; inputs then hold only `images`.
        start_epoch: Epoch of batch 0, for a resumed run.
        marks_progress: Whether inputs hold `progress`.
        balanced: Whether all classes occur equally often.

    Attributes:
        progress: Share of the run that is over, in [0, 1], as a function of the epoch
            and the share of that epoch. Keras makes batches ahead, so it is asked for
            epochs that have not begun.

    Raises:
        ValueError: If there are fewer images than `batch_size`, images are mixed in
            pairs and `batch_size` is odd, or a label is outside [0, classes - 1].
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        classes: int,
        seed: int,
        augmentation: Augmentation = _NONE,
        repeats: int = 1,
        resident: bool = False,
        augmenter: HostAugmenter | None = None,
        start_epoch: int = 0,
        marks_progress: bool = False,
        balanced: bool = False,
    ):
        super().__init__()
        check_batch_size(batch_size, len(split), augmentation)
        check_labels(split.labels, classes)
        self.split = split
        self.batch_size = batch_size
        self.classes = classes
        self.seed = seed
        self.augmentation = augmentation
        self.repeats = repeats
        self.resident = resident
        self.augmenter = augmenter
        self.start_epoch = start_epoch
        self.marks_progress = marks_progress
        self.balanced = balanced
        self.progress: Callable[[int, float], float] = _no_progress
        self.steps_per_epoch = len(split) // batch_size
        self.seconds = 0.0  # spent making batches
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, "int64"))

    @property
    def num_batches(self) -> None:
        """None: the stream has no end."""
        return None

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        began = time.perf_counter()
        epoch, step = divmod(index, self.steps_per_epoch)
        epoch += self.start_epoch
        indices = self._batch_indices(epoch, step)
        labels = target_rows(self.split.labels[indices], self.classes)
        if self.augmenter:
            images, labels = self.augmenter(self.split.images[indices], labels)
            batch = {"images": images}, labels
        else:
            batch = self._with_samples(epoch, step, indices, labels)
        self.seconds += time.perf_counter() - began
        return batch

    def _with_samples(
        self, epoch: int, step: int, indices: np.ndarray, labels: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Unchanged images, the samples that augment them, and mixed labels."""
        rng = np.random.default_rng([self.seed, epoch, 1 + step])
        _, height, width, _ = self.split.images.shape
        progress = self.progress(epoch, step / self.steps_per_epoch)
        flips = self._flips(indices, epoch)
        inputs, lam = self.augmentation.sample(
            rng, self.batch_size, height, width, flips, progress
        )
        if self.marks_progress:
            inputs["progress"] = np.full(self.batch_size, progress, "float32")
        if self.resident:
            inputs["indices"] = indices.astype("int32")
        else:
            inputs["images"] = self.split.images[indices]
        if self.augmentation.mixes:
            lam = lam[:, None]
            labels = lam * labels + (1 - lam) * swap_neighbors(labels)
        return inputs, labels

    def _flips(self, indices: np.ndarray, epoch: int) -> np.ndarray | None:
        """Which images to mirror; None leaves it to chance."""
        settings = self.augmentation
        if not (settings.horizontal_flip and settings.alternate_flips):
            return None
        first = np.random.default_rng(self.seed).random(len(self.split)) < 0.5
        return first[indices] ^ bool(epoch % 2)

    def _batch_indices(self, epoch: int, step: int) -> np.ndarray:
        """Indices of the images of a batch; repeats of an image lie far apart."""
        indices = self._epoch_order(epoch)[step * self.batch_size :][: self.batch_size]
        return np.concatenate([indices[k :: self.repeats] for k in range(self.repeats)])

    def _epoch_order(self, epoch: int) -> np.ndarray:
        if self._order[0] != epoch:
            rng = np.random.default_rng([self.seed, epoch])
            if self.balanced:
                order = _balanced_order(rng, likeliest(self.split.labels))
            else:
                order = rng.permutation(len(self.split))
            order = order.repeat(self.repeats)
            self._order = (epoch, order[: len(self.split)])
        return self._order[1]


def _balanced_order(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """As many indices as labels, of all classes equally many, in random order."""
    classes = rng.permutation(np.unique(labels))
    drawn = []
    for i, label in enumerate(classes):
        count = len(range(i, len(labels), len(classes)))
        indices = np.flatnonzero(labels == label)
        rounds = [rng.permutation(indices) for _ in range(-(-count // len(indices)))]
        drawn.append(np.concatenate(rounds)[:count])
    return rng.permutation(np.concatenate(drawn))


def _no_progress(epoch: int, share: float) -> float:
    return 0.0
