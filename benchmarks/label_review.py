"""Labels changed on purpose: how many of them a review finds, and its estimate."""

import pathlib
from typing import Any

import numpy as np

from benchmarks.machine import fingerprint
from keras_hybrid.data import Dataset, Split, load
from keras_hybrid.train.review.label_noise import label_noise
from keras_hybrid.train.review.label_review import left_out_scores
from keras_hybrid.utils.csv_rows import append_csv

RATES = (0.0, 0.05, 0.1)
"""Shares of labels that become another class."""


def main(
    dataset: str = "cifar100",
    data_dir: pathlib.Path | None = None,
    classes: int = 10,
    per_class: int = 60,
    seeds: int = 5,
    out: pathlib.Path = pathlib.Path("benchmarks/label_review.csv"),
) -> None:
    """Change labels of random classes, and look for them.

    Args:
        dataset: A dataset of classes.
        data_dir: Its folder, if it is not downloaded.
        classes: Classes that are drawn.
        per_class: Images of each of them.
        seeds: Repetitions, each with other classes.
        out: The CSV file.
    """
    train = load(dataset, data_dir).train
    for seed in range(seeds):
        images, labels = draw(train, classes, per_class, np.random.default_rng(seed))
        for rate in RATES:
            row = measure(images, labels, rate, np.random.default_rng(100 + seed))
            facts = {"data": dataset, "per_class": per_class, "seed": seed}
            append_csv([facts | row | fingerprint()], out)
            print(", ".join(f"{key} {value}" for key, value in (facts | row).items()))


def draw(
    split: Split, classes: int, per_class: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The first images of random classes, and their numbers among these."""
    chosen = rng.permutation(np.unique(split.labels))[:classes]
    found = [np.flatnonzero(split.labels == label)[:per_class] for label in chosen]
    numbers = np.repeat(np.arange(classes), [len(indices) for indices in found])
    return split.take(np.concatenate(found)).images[:], numbers


def measure(
    images: np.ndarray, labels: np.ndarray, rate: float, rng: np.random.Generator
) -> dict[str, Any]:
    """Changes a share of the labels and reviews them.

    Returns:
        `precision` among as many suspects as labels were changed, and the estimate.
    """
    classes = int(labels.max()) + 1
    changed = rng.permutation(len(labels))[: round(rate * len(labels))]
    given = labels.copy()
    given[changed] += rng.integers(1, classes, len(changed))
    given %= classes
    names = tuple(map(str, range(classes)))
    every = Split(images, given)
    last = np.arange(len(given) - 1, len(given))
    dataset = Dataset(
        "changed", every.take(np.arange(len(given) - 1)), every.take(last), names
    )
    scores = left_out_scores(dataset)
    found = label_noise(scores, given)
    worst = np.argsort(-found.wrong, kind="stable")[: len(changed)]
    hits = float(np.isin(worst, changed).mean()) if len(changed) else None
    return {
        "changed": rate,
        "accuracy": round(float((scores.argmax(1) == labels).mean()), 4),
        "precision": None if hits is None else round(hits, 4),
        "estimate": found.rate,
        "low": found.low,
        "high": found.high,
    }
