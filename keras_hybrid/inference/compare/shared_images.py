"""The test images that runs share, in one order; other images are refused."""

import numpy as np

from keras_hybrid.inference.compare.read_run import ComparedRun
from keras_hybrid.train.run_data import class_changes, few
from keras_hybrid.train.saved_predictions import SavedPredictions


def aligned(first: ComparedRun, other: ComparedRun) -> SavedPredictions:
    """The predictions of the other run, in the order of the first run's test images.

    Files are known by their names. Images that are not files have the order of their
    dataset. Pixels must be equal, if both runs read them in the same size.

    Raises:
        ValueError: If the runs differ in task, classes, test images or their labels;
            the line names the difference.
    """
    if said := _difference(first, other):
        raise ValueError(
            f"{first.directory} and {other.directory} cannot be compared: {said}."
        )
    found = other.predictions
    if first.paths is not None and other.paths is not None:
        index = {path: i for i, path in enumerate(other.paths)}
        found = found.select(np.array([index[path] for path in first.paths], int))
    elif not _same_source(first, other):
        raise ValueError(
            f"{first.directory} and {other.directory} cannot be compared: they are "
            f"of the datasets {_source(first)} and {_source(other)}."
        )
    _check_images(first, other, found)
    return found


def _difference(first: ComparedRun, other: ComparedRun) -> str:
    """What differs in task, classes or the names or number of test images."""
    if first.task != other.task:
        return f"their tasks are {first.task} and {other.task}"
    if first.outputs != other.outputs:
        changes = class_changes(first.outputs, other.outputs)
        return f"the second one is {changes}"
    if first.paths is not None and other.paths is not None:
        lost = sorted(set(first.paths) - set(other.paths))
        more = sorted(set(other.paths) - set(first.paths))
        said = [f"{len(x):,} {what} ({few(x)})" for x, what in _kinds(lost, more) if x]
        return f"of their test images {' and '.join(said)}" if said else ""
    counts = len(first.predictions), len(other.predictions)
    if counts[0] != counts[1]:
        return f"they have {counts[0]:,} and {counts[1]:,} test images"
    return ""


def _kinds(lost: list[str], more: list[str]) -> list[tuple[list[str], str]]:
    return [(lost, "are only in the first one"), (more, "are only in the second one")]


def _check_images(
    first: ComparedRun, other: ComparedRun, found: SavedPredictions
) -> None:
    """Raises ValueError if labels or pixels differ."""
    labels = first.predictions.labels, found.labels
    rows = labels[0] != labels[1]
    wrong = rows if rows.ndim == 1 else rows.any(1)
    what = "other labels"
    if not wrong.any() and _pixels(first) == _pixels(other):
        wrong = first.predictions.digests != found.digests
        what = "other pixels"
    if not wrong.any():
        return
    names = [] if first.paths is None else [first.paths[i] for i in np.where(wrong)[0]]
    which = f" ({few(names)})" if names else ""
    raise ValueError(
        f"{first.directory} and {other.directory} cannot be compared: "
        f"{int(wrong.sum()):,} of {len(wrong):,} test images have {what}{which}."
    )


def _same_source(first: ComparedRun, other: ComparedRun) -> bool:
    """Whether images without names are of one dataset, or are known to be equal."""
    if _source(first) == _source(other):
        return True
    digests = first.predictions.digests, other.predictions.digests
    return np.array_equal(*digests)


def _source(run: ComparedRun) -> str:
    return str(run.card.get("dataset", ""))


def _pixels(run: ComparedRun) -> tuple[object, ...]:
    """What the pixels of the run depend on, beside the files."""
    data = run.card.get("recipe", {}).get("data", {})
    side = run.card.get("input_shape", [])[:2]
    return (*(data.get(name) for name in ("fit", "pixel_range")), *side)
