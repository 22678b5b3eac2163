"""Classes added to a trained network: what it keeps, what it learns, what it takes."""

import pathlib
import tempfile
from typing import Any

import numpy as np

from benchmarks.machine import fingerprint
from benchmarks.ten_classes import CLASSES, parts, recipe_for, register
from keras_hybrid.data import Dataset
from keras_hybrid.train import RunResult, recipe_from, run
from keras_hybrid.utils.csv_rows import append_csv


def main(
    data_dir: pathlib.Path | None = None,
    earlier: int = 8,
    per_class: int = 100,
    exemplars: int = 20,
    epochs: int = 40,
    added_epochs: int = 15,
    first_class: int = 0,
    seeds: int = 3,
    model_options: tuple[str, ...] = ("widths=32,64,128",),
    out: pathlib.Path = pathlib.Path("benchmarks/added_classes.csv"),
) -> None:
    """Train on some of ten classes of CIFAR-100, add the others, and compare.

    Args:
        data_dir: Folder with CIFAR-100.
        earlier: Classes of the first run.
        per_class: Images of each class when it is first trained on.
        exemplars: Images of each earlier class that are kept.
        epochs: Epochs of the first run, and of one on all images of all classes.
        added_epochs: Epochs of the run that adds classes.
        first_class: Number of the first class of the first seed.
        seeds: Repetitions, each with ten other classes.
        model_options: Fields of ResNet-9's config.
        out: The CSV file.
    """
    for seed, first, part in parts(data_dir, first_class, seeds):
        counts = {
            "earlier": [per_class] * earlier + [0] * (CLASSES - earlier),
            "added": [exemplars] * earlier + [per_class] * (CLASSES - earlier),
            "anew": [per_class] * CLASSES,
        }
        for name, count in counts.items():
            register(name, _first_images(part, count, seed))
        settings = {"model_options": model_options, "seed": seed}
        row: dict[str, Any] = {"first_class": first, "seed": seed}
        row |= measure(part, earlier, epochs, added_epochs, settings)
        append_csv([row | fingerprint()], out)
        print(", ".join(f"{key} {value}" for key, value in row.items()))


def measure(
    part: Dataset,
    earlier: int,
    epochs: int,
    added_epochs: int,
    settings: dict[str, Any],
) -> dict[str, float]:
    """Accuracies on the registered datasets, and CPU seconds of training."""
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        workdir = str(place / "earlier")
        recipe = recipe_for("earlier", epochs, workdir=workdir, **settings)
        before = run(recipe)
        more = {"dataset": "added", "workdir": str(place / "added")}
        after = run(recipe_from(before.directory, epochs=added_epochs, **more))
        anew = run(recipe.replace(dataset="anew", workdir=str(place / "anew")))
        row = {"before": _accuracies(before, part, earlier)[0]}
        for name, found in {"added": after, "anew": anew}.items():
            old, new = _accuracies(found, part, earlier)
            row |= {f"{name}_earlier_classes": old, f"{name}_other_classes": new}
            row[f"{name}_cpu_seconds"] = found.metrics["training_cpu_seconds"]
    return row


def _first_images(part: Dataset, counts: list[int], seed: int) -> Dataset:
    """The dataset with so many images of each class, always the same first ones."""
    rng = np.random.default_rng(seed)
    labels = part.train.labels
    orders = [rng.permutation(np.flatnonzero(labels == c)) for c in range(len(counts))]
    picked = [x[:n] for x, n in zip(orders, counts, strict=True)]
    kept = sum(n > 0 for n in counts)
    tested = np.flatnonzero(part.test.labels < kept)
    splits = part.train.take(np.concatenate(picked)), part.test.take(tested)
    return Dataset("part", *splits, part.class_names[:kept])


def _accuracies(found: RunResult, part: Dataset, earlier: int) -> tuple[float, float]:
    """Accuracy for test images of earlier classes, and for those of the others."""
    labels = part.test.labels
    said = found.load().predict(part.test.images[:], verbose=0).argmax(-1)
    right, old = said == labels, labels < earlier
    return round(float(right[old].mean()), 4), round(float(right[~old].mean()), 4)
