"""Predictions of files as text, CSV and JSON, written as they come."""

import csv
import json
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from keras_hybrid.inference.predict_files import FilePrediction
from keras_hybrid.inference.prediction import Prediction
from keras_hybrid.utils.files import write_atomically

FORMATS = (".csv", ".json")
"""Suffixes of the files that `write_predictions` writes."""


def write_predictions(
    predictions: Iterable[FilePrediction],
    path: pathlib.Path,
    top: int,
    columns: Sequence[str] | None = None,
) -> int:
    """Writes predictions to a file, which is there only when it is complete.

    A CSV file has the columns `file`, `class`, `probability`, `class_2`,
    `probability_2` and so on, and `error`. A JSON file is a list of objects with `file`
    and either `predictions` or `error`. Other tasks have `value`, or `labels` and the
    probability of each class, in place of these.

    Args:
        predictions: One per file.
        path: File to write; its suffix is one of `FORMATS`.
        top: Number of classes per file.
        columns: `Answer.columns` of the predictions; None means a classifier's.

    Returns:
        How many files could not be read.
    """
    unreadable = 0

    def counted() -> Iterator[FilePrediction]:
        nonlocal unreadable
        for prediction in predictions:
            unreadable += prediction.error is not None
            yield prediction

    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        inner = Prediction.columns(top, ()) if columns is None else columns
        names = ["file", *inner, "error"]
        write_atomically(path, lambda part: _write_csv(counted(), part, top, names))
    else:
        write_atomically(path, lambda part: _write_json(counted(), part, top))
    return unreadable


def print_predictions(predictions: Iterable[FilePrediction], top: int) -> int:
    """Prints predictions; returns how many files could not be read."""
    unreadable = 0
    for file in predictions:
        print(f"{file.path}:")
        if file.prediction is None:
            unreadable += 1
            print(f"  error: {file.error}")
            continue
        for line in file.prediction.lines(top):
            print(f"  {line}")
    return unreadable


def _write_csv(
    predictions: Iterable[FilePrediction],
    path: pathlib.Path,
    top: int,
    columns: list[str],
) -> None:
    # names of files need not be UTF-8
    with open(
        path, "w", newline="", encoding="utf-8", errors="surrogateescape"
    ) as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for one in predictions:
            row: dict[str, Any] = {"file": one.path, "error": one.error}
            if one.prediction:
                row |= one.prediction.row(top)
            writer.writerow(row)


def _write_json(
    predictions: Iterable[FilePrediction], path: pathlib.Path, top: int
) -> None:
    separator = "[\n"
    with open(path, "w", encoding="utf-8") as file:
        for one in predictions:
            file.write(separator + json.dumps(_as_dict(one, top)))
            separator = ",\n"
        file.write("\n]\n")


def _as_dict(file: FilePrediction, top: int) -> dict[str, Any]:
    if file.prediction is None:
        return {"file": str(file.path), "error": file.error}
    return {"file": str(file.path)} | file.prediction.as_dict(top)
