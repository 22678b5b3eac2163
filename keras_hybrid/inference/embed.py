"""The features that a trained network computes of image files."""

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Sequence

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.data.scan_folder import list_images
from keras_hybrid.inference.answer import Answer
from keras_hybrid.inference.classifier import BATCH, Classifier
from keras_hybrid.inference.find_files import find_files
from keras_hybrid.inference.predict_files import read_batches
from keras_hybrid.models.keras_file import load_keras
from keras_hybrid.utils.found_files import FoundFiles


@dataclasses.dataclass(frozen=True)
class Embeddings:
    """Features of image files, and what the model says of them.

    Attributes:
        paths: The files that could be read.
        features: What the classifier of the network sees, float32 `(N, features)`.
        labels: The label of each file as text, from the folder; empty where unknown.
        predictions: What the model predicts for each, as text.
        unreadable: The other files, and why they cannot be read.
    """

    paths: list[pathlib.Path]
    features: np.ndarray
    labels: list[str]
    predictions: list[str]
    unreadable: dict[pathlib.Path, str]


def embed(
    model: Classifier | str | pathlib.Path,
    folder: str | pathlib.Path,
    batch_size: int = BATCH,
    quiet: bool = False,
) -> Embeddings:
    """Computes features of the images of a folder.

    Args:
        model: What `load` returned, or what it takes, of a run or a .keras file.
        folder: Images with labels, as for training, or any folder of images.
        batch_size: Images per call of the model.
        quiet: Whether no progress is printed to stderr.

    Returns:
        The features, without test-time augmentation; `Embeddings`.

    Raises:
        FileNotFoundError: If the model or the folder does not exist.
        ValueError: If the model is an exported file, or no image can be read.

    Example:
        >>> found = embed("saved_models/image_folder", "photos")
        >>> found.features.shape
        (1000, 256)
    """
    classifier = model if isinstance(model, Classifier) else Classifier(model)
    backbone = _backbone(classifier.path)
    paths, labels = _labelled(pathlib.Path(folder), classifier.classes)
    kept: list[int] = []
    features, predictions, unreadable = [], [], {}
    start = 0
    for batch, inputs in read_batches(classifier, paths, batch_size, quiet):
        readable = [x for x in inputs if isinstance(x, np.ndarray)]
        for index, found in enumerate(inputs):
            if isinstance(found, str):
                unreadable[batch[index]] = found
            else:
                kept.append(start + index)
        start += len(batch)
        if readable:
            pixels = np.stack(readable).astype("float32")
            features.append(backbone.predict_on_batch(pixels).astype("float32"))
            outputs = classifier.predict_inputs(readable)
            rows = map(outputs.row, range(len(readable)))
            predictions += [_text(classifier.answer(row)) for row in rows]
    if not kept:
        raise ValueError(f"None of the {len(paths)} images of {folder} can be read.")
    return Embeddings(
        [paths[i] for i in kept],
        np.concatenate(features),
        [labels[i] for i in kept],
        predictions,
        unreadable,
    )


def _backbone(path: pathlib.Path) -> keras.Model:
    """Images to features."""
    if path.suffix != ".keras":
        raise ValueError(f"{path} is exported: features need the run's model.keras.")
    model = load_keras(path)
    return keras.Model(model.input, models.classifier(model).input)


def _labelled(
    folder: pathlib.Path, classes: Sequence[str]
) -> tuple[list[pathlib.Path], list[str]]:
    """All images of a folder, and their labels where its layout gives them."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder of images.")
    try:
        records = list_images(folder, classes=classes).images
    except ValueError:
        if (folder / "labels.csv").exists():
            raise
        paths = find_files([str(folder)])
        return paths, [""] * len(paths)
    known = {os.path.abspath(x.path) for x in records}
    found = FoundFiles()
    found.add_folder(folder)
    others = [x for x in found.images if os.path.abspath(x) not in known]
    paths = [pathlib.Path(x) for x in [*(x.path for x in records), *others]]
    return paths, [x.label for x in records] + [""] * len(others)


def _text(answer: Answer) -> str:
    """The answer for one image in a word."""
    return next(iter(answer.row(1).values()))


def colours_of(embeddings: Embeddings, most: int) -> Sequence[str]:
    """A name for each image by which a map colours it, of at most `most`.

    It is the label, or without labels the prediction. Numbers are put into five ranges
    of as many images.
    """
    names: Sequence[str] = embeddings.predictions
    if any(embeddings.labels):
        names = [label or "no label" for label in embeddings.labels]
    if len(set(names)) <= most:
        return names
    try:
        numbers = np.array([float(name) for name in names])
    except ValueError:
        common = sorted(set(names), key=lambda x: (-names.count(x), x))[: most - 1]
        return [name if name in common else "other" for name in names]
    edges = np.quantile(numbers, [0.2, 0.4, 0.6, 0.8])
    bounds = [numbers.min(), *edges, numbers.max()]
    ranges = [f"{a:.4g} to {b:.4g}" for a, b in itertools.pairwise(bounds)]
    return [ranges[i] for i in np.searchsorted(edges, numbers)]
