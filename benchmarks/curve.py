"""Learning curves: how often the 80 % interval has the error of twice the images."""

import pathlib
from typing import Any

import numpy as np

from benchmarks.grouped_split import features
from benchmarks.machine import fingerprint
from keras_hybrid.data import Split, load
from keras_hybrid.train.learning_curve import expected_scatter
from keras_hybrid.train.power_law import forecast
from keras_hybrid.utils.csv_rows import append_csv

SHARES = {0.25: 3, 0.5: 2, 1.0: 1}
"""Shares of the images, and how many forests each has, as `keras-hybrid curve`."""
CLASSES = 10


def main(
    trials: int = 20,
    data_dir: pathlib.Path | None = None,
    out: pathlib.Path = pathlib.Path("benchmarks/curve.csv"),
) -> None:
    """Forecast random forests on digits, and on classes of CIFAR-100 if it is there.

    Args:
        trials: Curves of each number of images; each has images of its own.
        data_dir: Folder of CIFAR-100; without it digits alone.
        out: The CSV file.
    """
    rows = []
    digits = load("digits")
    for images in (120, 240, 480):
        for seed in range(trials):
            rows.append(measure("digits", digits.train, digits.test, images, seed))
    if data_dir:
        cifar = load("cifar100", data_dir)
        for images in (500, 1000, 2000):
            for seed in range(trials):
                first = CLASSES * (seed % (100 // CLASSES))
                tens = cifar.select_classes(first, first + CLASSES)
                rows.append(measure("cifar100", tens.train, tens.test, images, seed))
    append_csv([row | fingerprint() for row in rows], out)
    for name in dict.fromkeys(row["dataset"] for row in rows):
        ours = [row for row in rows if row["dataset"] == name]
        hits = np.mean([row["low"] <= row["error"] <= row["high"] for row in ours])
        width = np.mean([row["high"] - row["low"] for row in ours])
        below = np.mean([row["error"] < row["low"] for row in ours])
        print(
            f"{name}: {hits:.0%} of {len(ours)} errors lie in the interval, which is "
            f"{100 * width:.1f} points wide; {below:.0%} lie below it"
        )


def measure(
    name: str, train: Split, test: Split, images: int, seed: int
) -> dict[str, Any]:
    """The forecast for `2 * images`, and the error of a forest on so many.

    Args:
        name: Name of the dataset.
        train: Images to draw from, `2 * images` or more.
        test: Images to test on.
        images: Number of images that the largest forest of the curve has.
        seed: Seed of the choice.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(len(train))[: 2 * images]
    known = train.take(drawn)
    inputs, wanted = _inputs(known), known.labels
    asked, right = _inputs(test.load_into_memory()), test.labels
    sizes, errors = [], []
    for share, networks in SHARES.items():
        for _ in range(networks):
            chosen = rng.permutation(images)[: round(share * images)]
            sizes.append(len(chosen))
            errors.append(_error(inputs[chosen], wanted[chosen], asked, right))
    noise = expected_scatter(errors[-1], len(right))
    found = forecast(np.array(sizes), np.array(errors), 2 * images, noise)
    truth = _error(inputs, wanted, asked, right)
    return {
        "dataset": name,
        "images": images,
        "seed": seed,
        "low": round(found.low, 4),
        "middle": round(found.middle, 4),
        "high": round(found.high, 4),
        "error": round(truth, 4),
    }


def _inputs(split: Split) -> np.ndarray:
    if split.images.shape[1] < 32:
        return np.asarray(split.images).reshape(len(split), -1)
    return features(split)


def _error(
    inputs: np.ndarray, labels: np.ndarray, asked: np.ndarray, right: np.ndarray
) -> float:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(100, random_state=len(labels))
    return 1 - forest.fit(inputs, labels).score(asked, right)
