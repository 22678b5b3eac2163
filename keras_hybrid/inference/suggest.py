"""Which images without labels are worth labelling next."""

import dataclasses
import pathlib

import numpy as np

from keras_hybrid.data.targets import CLASSIFICATION
from keras_hybrid.inference.classifier import BATCH, Classifier
from keras_hybrid.inference.find_files import find_files
from keras_hybrid.inference.outputs import join
from keras_hybrid.inference.predict_files import predict_files
from keras_hybrid.inference.prediction import Prediction


@dataclasses.dataclass(frozen=True)
class Suggestions:
    """Images to label next, the one that the model is least sure of first.

    Attributes:
        paths: The files.
        prediction: What the model says of them.
        looked_at: How many files could be read.
        unreadable: The other files, and why they cannot be read.
    """

    paths: list[pathlib.Path]
    prediction: Prediction
    looked_at: int
    unreadable: dict[pathlib.Path, str]


def suggest(
    model: Classifier | str | pathlib.Path,
    folder: str | pathlib.Path,
    count: int = 100,
    batch_size: int = BATCH,
    quiet: bool = False,
) -> Suggestions:
    """Chooses the images that a trained classifier would learn most from.

    These have the smallest margin between the probabilities of the two likeliest
    classes (margin sampling, Scheffer et al. 2001).

    Args:
        model: What `load` returned, or what it takes.
        folder: Images without labels; its sub-folders are searched, too.
        count: How many images to choose; all, if there are fewer.
        batch_size: Images per call of the model.
        quiet: Whether no progress is printed to stderr.

    Raises:
        FileNotFoundError: If the model or the folder does not exist.
        ValueError: If the model is no classifier of one class per image, `count` is
            below 1, or no image can be read.

    Example:
        >>> suggest("saved_models/image_folder", "unlabelled", count=50).paths[0]
        PosixPath('unlabelled/0417.jpg')
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more, not {count}.")
    classifier = model if isinstance(model, Classifier) else Classifier(model)
    if classifier.task != CLASSIFICATION:
        raise ValueError(
            f"{classifier.path} is a model for {classifier.task}: images are suggested "
            "for one class per image."
        )
    if not pathlib.Path(folder).is_dir():
        raise FileNotFoundError(f"{folder} is not a folder of images.")
    files = find_files([str(folder)])
    found = list(predict_files(classifier, files, batch_size, quiet))
    read = [(file.path, file.outputs) for file in found if file.outputs is not None]
    if not read:
        raise ValueError(f"None of the {len(files)} images of {folder} can be read.")
    every = join([outputs for _, outputs in read])
    order = np.argsort(margins(every.values), kind="stable")[:count]
    paths, outputs = zip(*(read[index] for index in order), strict=True)
    return Suggestions(
        list(paths),
        Prediction(join(outputs).values, classifier.classes),
        len(read),
        {file.path: file.error for file in found if file.error is not None},
    )


def margins(probabilities: np.ndarray) -> np.ndarray:
    """How far the likeliest class is ahead of the second.

    Args:
        probabilities: `(N, classes)`.

    Returns:
        `(N,)`, in [0, 1].
    """
    second, first = np.sort(probabilities, axis=-1)[:, -2:].T
    return first - second
