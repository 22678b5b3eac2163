"""Evaluates any model file on a folder of labelled images."""

import pathlib

import numpy as np

from keras_hybrid.inference.answers import ANSWERS
from keras_hybrid.inference.classifier import BATCH, Classifier
from keras_hybrid.inference.evaluation import Evaluation
from keras_hybrid.inference.labelled_images import find_labelled_images
from keras_hybrid.inference.outputs import join
from keras_hybrid.inference.predict_files import predict_files
from keras_hybrid.inference.seen_images import find_seen_images


def evaluate(
    model: Classifier | str | pathlib.Path,
    data: str | pathlib.Path,
    batch_size: int = BATCH,
    quiet: bool = False,
    manifest: str | pathlib.Path | None = None,
) -> Evaluation:
    """Evaluates a model on the test images of a folder.

    Args:
        model: What `load` returned, or what it takes.
        data: A folder with one sub-folder per class, with such sub-folders in `train`
            and `test`, or with a `labels.csv`. Classes are matched by name; numbers
            need the table.
        batch_size: Images per call of the model.
        quiet: Whether no progress is printed to stderr.
        manifest: The table of the folder, e.g. the `manifest.csv` of the run, whose
            test images the model has not seen.

    Returns:
        Predictions and metrics, an `EvaluationResult` of a classifier. Files that
        cannot be read are left out and listed. Copies of training images are marked
        where the model lies in the folder of its run.

    Raises:
        FileNotFoundError: If the model or the folder does not exist.
        ValueError: If the card does not name the model's classes, the folder has other
            classes, or none of its images can be read.
    """
    classifier = model if isinstance(model, Classifier) else Classifier(model)
    data = pathlib.Path(data)
    answer, evaluation = ANSWERS[classifier.task]
    if not classifier.card.get(answer.names_in_card):
        raise ValueError(
            f"The classes of {classifier.path} have no names to match those of {data}: "
            f"write {answer.names_in_card} into the card.json beside it."
        )
    found = find_labelled_images(data, classifier.classes, manifest, classifier.task)
    files = list(predict_files(classifier, found.paths, batch_size, quiet))
    rows = [file.outputs for file in files if file.outputs is not None]
    if not rows:
        raise ValueError(f"None of the {len(files)} images of {data} can be read.")
    outputs = join(rows)
    readable = np.array([file.prediction is not None for file in files])
    paths = [file.path for file in files if file.prediction]
    known = find_seen_images(classifier.path.parent, paths, quiet)
    note = _note(data, found.split, classifier.card.get("dataset"))
    return evaluation(
        model=classifier.path,
        data=data,
        names=classifier.classes,
        paths=paths,
        labels=found.labels[readable],
        outputs=outputs.values,
        known=outputs.known,
        card=classifier.card,
        unreadable={file.path: file.error for file in files if file.error},
        note=known.note or ("" if known.seen is not None else note),
        seen=known.seen,
    )


def _note(data: pathlib.Path, split: str | None, trained_on: str | None) -> str:
    if split or data.resolve().name != trained_on:
        return ""
    return (
        f"{data} has no test split and the name of the training data: if it is the "
        "same folder, the model was trained on most of these images. --manifest takes "
        "the run's manifest.csv, which names its test images."
    )
