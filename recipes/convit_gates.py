"""ConViT on CIFAR-100 at 32x32: gates and D_loc of every head over the epochs.

    python recipes/convit_gates.py --data-dir DIR            one run
    python recipes/convit_gates.py --data-dir DIR --sweep    a run for each of 3
                                       locality strengths and 4 numbers of GPSA layers

What d'Ascoli et al. 2021 (arXiv:2103.10697, figures 5 to 7) show on ImageNet, at a
size for one machine: patches of 4 pixels, 9 heads. Written are the numbers as CSV and
the figures as PNG. A run takes what its epochs take; the look after each adds a few
per cent, which is printed.
"""

import csv
import dataclasses
import pathlib

import keras
import numpy as np
import tyro

from keras_hybrid import models
from keras_hybrid.analysis import LocalityLogger, plots, read_log
from keras_hybrid.analysis.sweep import locality_sweep
from keras_hybrid.data import load


@dataclasses.dataclass
class Settings:
    """What to train, on how much, and where the results go."""

    data_dir: pathlib.Path | None = None
    out: pathlib.Path = pathlib.Path("recipes/results/convit-gates")
    images: int = 50_000  # to train on, of 50,000
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-3
    depth: int = 8
    gpsa_layers: int = 6
    width: int = 144
    locality_strength: float = 1.0
    seed: int = 0
    sweep: bool = False


class Mirrored(keras.utils.PyDataset):
    """Shuffled batches, images mirrored at random and shifted by up to 4 pixels."""

    def __init__(self, images, labels, batch_size, seed):
        super().__init__()
        border = ((0, 0), (4, 4), (4, 4), (0, 0))
        self.images, self.labels = np.pad(images, border), labels
        self.batch_size, self.rng = batch_size, np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self):
        return len(self.labels) // self.batch_size

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        y, x = self.rng.integers(0, 9, 2)
        batch = self.images[chosen, y : y + 32, x : x + 32]
        mirror = self.rng.random(len(batch)) < 0.5
        batch[mirror] = batch[mirror, :, ::-1]
        return batch.astype("float32"), self.labels[chosen]

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.labels))


def train(settings: Settings, dataset, logger: list) -> tuple[keras.Model, dict]:
    """Trains one model and tests it."""
    keras.utils.set_random_seed(settings.seed)
    model = models.ConViT(
        **{name: getattr(settings, name) for name in
           ("depth", "gpsa_layers", "width", "locality_strength")},
        heads=9, patch_size=4, input_shape=(32, 32, 3), classes=100,
    )  # fmt: skip
    split = dataset.train.take(np.arange(settings.images))
    batches = Mirrored(split.images, split.labels, settings.batch_size, settings.seed)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, settings.epochs * len(batches), 1e-2,
        warmup_target=settings.learning_rate, warmup_steps=2 * len(batches),
    )  # fmt: skip
    loss = "sparse_categorical_crossentropy"
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.05)
    model.compile(optimizer, loss, metrics=["accuracy"])
    model.fit(batches, epochs=settings.epochs, callbacks=logger, verbose=2)
    _, accuracy = model.evaluate(*dataset.test_arrays, 128, verbose=0)
    return model, {"accuracy": round(accuracy, 4)}
