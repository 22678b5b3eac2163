"""Ten classes of CIFAR-100 for each seed, and the recipe that trains on them."""

import pathlib
from collections.abc import Iterator
from typing import Any

from keras_hybrid.data import SOURCES, Dataset, DatasetSource, load
from keras_hybrid.train import FEW_IMAGES, Recipe

CLASSES = 10


def parts(
    data_dir: pathlib.Path | None, first_class: int, seeds: int
) -> Iterator[tuple[int, int, Dataset]]:
    """The seed, the number of its first class, and the images of its ten classes."""
    dataset = load("cifar100", data_dir)
    for seed in range(seeds):
        first = first_class + CLASSES * seed
        yield seed, first, dataset.select_classes(first, first + CLASSES)


def register(name: str, dataset: Dataset) -> None:
    """Makes a dataset one that recipes know by its name."""
    SOURCES[name] = DatasetSource(lambda **_: dataset)


def recipe_for(name: str, epochs: int, **fields: Any) -> Recipe:
    """The settings for few images, with ResNet-9 and all images for training.

    Args:
        name: Of a registered dataset.
        epochs: Number of epochs.
        **fields: Other fields of the recipe.
    """
    few = FEW_IMAGES | {"minutes": None, "epochs": epochs, "batch_size": 32}
    settings = {"dataset": name, "model": "resnet9", "validation_split": 0.0}
    return Recipe.of(**few | settings | fields)
