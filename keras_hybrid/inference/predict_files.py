"""Classifies image files, a batch at a time; an unreadable one stops nothing."""

import concurrent.futures
import dataclasses
import functools
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from keras_hybrid.data.lazy_images import WORKERS
from keras_hybrid.data.progress_bar import in_chunks
from keras_hybrid.inference.answer import Answer
from keras_hybrid.inference.classifier import BATCH, Classifier, ImageLike
from keras_hybrid.inference.outputs import Outputs


@dataclasses.dataclass(frozen=True)
class FilePrediction:
    """What a classifier says about a file.

    Attributes:
        path: The file.
        prediction: Of this one image; None if the file cannot be read.
        outputs: What the model puts out for it.
        error: Why it cannot be read, in one line; None if it can.
    """

    path: pathlib.Path
    prediction: Answer | None = None
    outputs: Outputs | None = None
    error: str | None = None


def predict_files(
    classifier: Classifier,
    paths: Sequence[pathlib.Path],
    batch_size: int = BATCH,
    quiet: bool = False,
) -> Iterator[FilePrediction]:
    """Classifies image files in their order; one batch of images is in memory.

    Args:
        classifier: The model.
        paths: The files.
        batch_size: Images per call of the model.
        quiet: Whether no progress is printed to stderr.

    Yields:
        The prediction or the error of each file.
    """
    for batch, inputs in read_batches(classifier, paths, batch_size, quiet):
        for path, found in zip(batch, outputs_of(classifier, inputs), strict=True):
            if isinstance(found, str):
                yield FilePrediction(path, error=found)
            else:
                yield FilePrediction(path, classifier.answer(found), found)


def read_batches(
    classifier: Classifier,
    paths: Sequence[pathlib.Path],
    batch_size: int = BATCH,
    quiet: bool = False,
) -> Iterator[tuple[list[pathlib.Path], list[np.ndarray | str]]]:
    """Reads image files in their order, in threads.

    Args:
        classifier: The model that they are read for.
        paths: The files.
        batch_size: Images per batch.
        quiet: Whether no progress is printed to stderr.

    Yields:
        The files of a batch; and for each the input of the model, or why there is none.
    """
    if batch_size < 1:
        raise ValueError(f"The batch size must be 1 or more, not {batch_size}.")
    read = functools.partial(input_of, classifier)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for chunk in in_chunks(len(paths), "Reading images", batch_size, quiet):
            batch = [paths[index] for index in chunk]
            yield batch, list(pool.map(read, batch))


def input_of(classifier: Classifier, image: ImageLike) -> np.ndarray | str:
    """The input of the model, or why there is none, in one line."""
    try:
        return classifier.preprocess(image)
    except (ValueError, OSError) as error:
        return " ".join(str(error).split())


def outputs_of(
    classifier: Classifier, inputs: Sequence[np.ndarray | str]
) -> Iterator[Outputs | str]:
    """What the model puts out for each image of a batch, or why it cannot be read.

    Args:
        classifier: The model.
        inputs: What `input_of` returned.
    """
    readable = [x for x in inputs if not isinstance(x, str)]
    found = classifier.predict_inputs(readable) if readable else None
    done = 0
    for image in inputs:
        if isinstance(image, str) or found is None:
            yield str(image)
        else:
            yield found.row(done)
            done += 1
