"""Unknown images: how many of each kind a classifier of ten classes rejects."""

import pathlib
import tempfile

import keras
import numpy as np
from PIL import Image

from benchmarks.machine import fingerprint
from keras_hybrid import models
from keras_hybrid.data import Dataset, load
from keras_hybrid.inference import calibration
from keras_hybrid.train import FEW_IMAGES, Recipe, run
from keras_hybrid.train.evaluate import log_softmax
from keras_hybrid.utils.csv_rows import append_csv
from keras_hybrid.utils.rejection import REJECTED

_FIRST_UNKNOWN = 30
"""Classes from this number on are the unknown ones."""


def main(
    epochs: int = 20,
    model_options: tuple[str, ...] = (),
    data_dir: pathlib.Path | None = None,
    photos: tuple[pathlib.Path, ...] = (),
    workdir: pathlib.Path | None = None,
    out: pathlib.Path = pathlib.Path("benchmarks/unknown.csv"),
) -> None:
    """Train on ten classes of CIFAR-100; show it the other classes, noise and photos.

    Args:
        epochs: Epochs of training.
        model_options: Fields of ResNet-9's config, e.g. widths=32,128,128.
        data_dir: Folder with CIFAR-100.
        photos: Folders of unrelated images, each with one sub-folder per class; all
            images of a folder are shown.
        workdir: Folder of the run; a complete run is only measured.
        out: The CSV file.
    """
    with tempfile.TemporaryDirectory() as folder:
        recipe = Recipe.of(
            dataset="cifar100",
            data_dir=data_dir and str(data_dir),
            class_range=(0, 10),
            model="resnet9",
            model_options=model_options,
            calibrate=True,
            workdir=str(workdir or folder),
            **FEW_IMAGES | {"epochs": epochs},
        )
        result = run(recipe)
        model, temperature = result.load(), result.card["temperature"]
    dataset = load("cifar100", recipe.runtime.data_dir)
    known_images, others = (
        _images(dataset, 0, 10),
        _images(dataset, _FIRST_UNKNOWN, 100),
    )
    sets = {"other classes": others} | noise(300)
    for place in photos:
        unrelated = load("folder", place, 32)
        splits = unrelated.train, unrelated.test
        sets[place.name] = np.concatenate([split.images[:] for split in splits])
    rows = measure(model, known_images, sets)
    append_csv([row | fingerprint() for row in rows], out)
    for row in rows:
        print(", ".join(f"{name} {value}" for name, value in row.items()))
    print_calibration(model, dataset, temperature)


def measure(
    model: keras.Model, known_images: np.ndarray, sets: dict[str, np.ndarray]
) -> list[dict[str, object]]:
    """A row for the known images and for each other set.

    Args:
        model: A model with a rule.
        known_images: Test images of its classes, `(N, H, W, 3)`.
        sets: Other images, by name.
    """
    known, confidence = _answers(model, known_images)
    rows: list[dict[str, object]] = [
        {
            "images": "known classes",
            "count": len(known),
            "rejected": round(float((known < REJECTED).mean()), 4),
            "auroc": "",
            "auroc_of_softmax": "",
        }
    ]
    for name, images in sets.items():
        other, others_confidence = _answers(model, images)
        rows.append(
            {
                "images": name,
                "count": len(images),
                "rejected": round(float((other < REJECTED).mean()), 4),
                "auroc": round(auroc(known, other), 4),
                "auroc_of_softmax": round(auroc(confidence, others_confidence), 4),
            }
        )
    return rows


def noise(count: int, side: int = 32, seed: int = 1) -> dict[str, np.ndarray]:
    """Images without content, uint8 `(count, side, side, 3)`, by their kind."""
    rng = np.random.default_rng(seed)
    shape = (count, side, side, 3)
    colors = rng.integers(0, 256, (2, count, 1, 1, 3))
    grid = np.indices((side, side)) // rng.choice([1, 2, 4, 8], (count, 1, 1, 1))
    board = grid.sum(1)[..., None] % 2
    cells = (rng.integers(0, 256, (count, x, x, 3)) for x in (2, 3, 5))
    blobs = np.concatenate([_enlarged(x.astype("uint8"), side) for x in cells])
    kinds = {
        "uniform noise": rng.integers(0, 256, shape),
        "Gaussian noise": rng.normal(128, 64, shape),
        "weak noise on a color": colors[0] + rng.normal(0, 20, shape),
        "one color": np.broadcast_to(colors[0], shape),
        "checkerboards": np.where(board, *colors),
        "smooth blobs": blobs[:: len(blobs) // count],
    }
    return {name: x.clip(0, 255).astype("uint8") for name, x in kinds.items()}


def _enlarged(images: np.ndarray, side: int) -> np.ndarray:
    """Smooth images of a few pixels each, uint8 `(N, side, side, 3)`."""
    cubic = Image.Resampling.BICUBIC
    large = (Image.fromarray(x).resize((side, side), cubic) for x in images)
    return np.stack([np.asarray(x) for x in large])


def auroc(known: np.ndarray, others: np.ndarray) -> float:
    """The probability that a known image has the larger score; ties count half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, known, "left")
    ties = np.searchsorted(ordered, known, "right") - below
    return float((below + ties / 2).mean() / len(others))


def print_calibration(model: keras.Model, dataset: Dataset, temperature: float) -> None:
    """Prints the calibration error and the accuracy with and without temperature."""
    chosen = dataset.select_classes(0, 10).test
    logits = models.logits(model).predict(chosen.images[:].astype("f4"), verbose=0)
    for name, factor in (("without", temperature), ("with", 1.0)):
        found = np.exp(log_softmax(logits.astype("float64") * factor))
        error = calibration(found, chosen.labels).expected_error
        accuracy = (found.argmax(-1) == chosen.labels).mean()
        print(f"{name} temperature: ECE {error:.4f}, accuracy {accuracy:.4f}")


def _images(dataset: Dataset, first: int, end: int) -> np.ndarray:
    return dataset.select_classes(first, end).test.images[:]


def _answers(model: keras.Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`known` and the highest probability of every image."""
    reader = models.known(model)
    if reader is None:
        raise ValueError("The model has no rule for unknown images.")
    both = keras.Model(model.input, [reader.output, model.output])
    known, probabilities = both.predict(images.astype("f4"), verbose=0)
    return known[:, 0], probabilities.max(-1)
