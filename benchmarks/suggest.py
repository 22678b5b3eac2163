"""Labelling suggested images against labelling random ones."""

import pathlib
import tempfile
from typing import Any

import keras
import numpy as np

from benchmarks.machine import fingerprint
from benchmarks.ten_classes import CLASSES, parts, recipe_for, register
from keras_hybrid.data import Dataset, Split
from keras_hybrid.inference.suggest import margins
from keras_hybrid.train import run
from keras_hybrid.utils.csv_rows import append_csv

_RAREST = 0.05
"""Images of the rarest class as a share of those of the most frequent one."""


def main(
    data_dir: pathlib.Path | None = None,
    labelled: int = 200,
    count: int = 300,
    epochs: int = 30,
    first_class: int = 0,
    seeds: int = 3,
    model_options: tuple[str, ...] = ("widths=32,64,128",),
    out: pathlib.Path = pathlib.Path("benchmarks/suggest.csv"),
) -> None:
    """Train on some images of CIFAR-100, label more of them, and train again.

    Every seed has ten other classes. Their images are as many in each class, or uneven.

    Args:
        data_dir: Folder with CIFAR-100.
        labelled: Random images that the first network is trained on.
        count: Images that are labelled then.
        epochs: Epochs of every training.
        first_class: Number of the first class of the first seed.
        seeds: Repetitions.
        model_options: Fields of ResNet-9's config.
        out: The CSV file.
    """
    for seed, first, part in parts(data_dir, first_class, seeds):
        for uneven in (True, False):
            pool = draw(part.train, uneven, np.random.default_rng(seed))
            settings = epochs, model_options, seed
            before, model = train(pool, np.arange(labelled), part, *settings)
            rest = np.arange(labelled, len(pool))
            shares = model.predict(pool.images[rest], verbose=0)
            by = {
                "random": rest,  # the pool is shuffled
                "suggested": rest[np.argsort(margins(shares), kind="stable")],
            }
            row: dict[str, Any] = {"uneven": uneven, "first_class": first, "seed": seed}
            row |= {"before": before}
            for name, order in by.items():
                known = np.concatenate([np.arange(labelled), order[:count]])
                row[name], _ = train(pool, known, part, *settings)
            append_csv([row | fingerprint()], out)
            print(", ".join(f"{key} {value}" for key, value in row.items()))


def draw(split: Split, uneven: bool, rng: np.random.Generator) -> Split:
    """The images in random order; of uneven classes, by a geometric series."""
    kept = []
    for rank, label in enumerate(rng.permutation(CLASSES)):
        share = _RAREST ** (rank / (CLASSES - 1)) if uneven else 1
        every = rng.permutation(np.flatnonzero(split.labels == label))
        kept.append(every[: round(share * len(every))])
    return split.take(rng.permutation(np.concatenate(kept)))


def train(
    pool: Split,
    known: np.ndarray,
    part: Dataset,
    epochs: int,
    model_options: tuple[str, ...],
    seed: int,
) -> tuple[float, keras.Model]:
    """Test accuracy of a network trained on the known images of the pool, and it."""
    dataset = Dataset("pool", pool.take(known), part.test, part.class_names)
    register("pool", dataset)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"model_options": model_options, "seed": seed, "workdir": folder}
        found = run(recipe_for("pool", epochs, **settings))
        return found.metrics["test_accuracy"], found.load()
