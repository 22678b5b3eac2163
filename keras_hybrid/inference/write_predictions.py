"""Predictions of files as text, CSV and JSON, written as they come."""

import csv
import json
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

from keras_hybrid.inference.predict_files import FilePrediction
from keras_hybrid.utils.files import write_atomically

FORMATS = (".csv", ".json")
"""Suffixes of the files that `write_predictions` writes."""


def write_predictions(
    predictions: Iterable[FilePrediction], path: pathlib.Path, top: int
) -> int:
    """Writes predictions to a file, which is there only when it is complete.

    A CSV file has the columns `file`, `class`, `probability`, `class_2`,
    `probability_2` and so on, and `error`. A JSON file is a list of objects with `file`
    and either `predictions` or `error`.

    Args:
        predictions: One per file.
        path: File to write; its suffix is one of `FORMATS`.
        top: Number of classes per file.

    Returns:
        How many files could not be read.
    """
    unreadable = 0

    def counted() -> Iterator[FilePrediction]:
        nonlocal unreadable
        for prediction in predictions:
            unreadable += prediction.error is not None
            yield prediction

    write = _write_csv if path.suffix == ".csv" else _write_json
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda part: write(counted(), part, top))
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
        for name, probability in file.prediction.top(top)[0]:
            print(f"  {probability:7.2%}  {name}")
    return unreadable


def _write_csv(
    predictions: Iterable[FilePrediction], path: pathlib.Path, top: int
) -> None:
    pairs = [("class", "probability")]
    pairs += [(f"class_{i}", f"probability_{i}") for i in range(2, top + 1)]
    columns = ["file", *(column for pair in pairs for column in pair), "error"]
    # names of files need not be UTF-8
    with open(
        path, "w", newline="", encoding="utf-8", errors="surrogateescape"
    ) as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for one in predictions:
            row: dict[str, Any] = {"file": one.path, "error": one.error}
            best = one.prediction.top(top)[0] if one.prediction else []
            for columns_of_class, (name, probability) in zip(pairs, best, strict=False):
                row |= zip(columns_of_class, (name, f"{probability:.6g}"), strict=True)
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
    best = [
        {"class": name, "probability": float(f"{probability:.6g}")}
        for name, probability in file.prediction.top(top)[0]
    ]
    return {"file": str(file.path), "predictions": best}
