"""Predictions as columns of a table, those of the CSV file of `predict`."""

import os
from collections.abc import Iterable, Mapping

from keras_hybrid.inference.answer import Answer
from keras_hybrid.inference.answers import ANSWERS
from keras_hybrid.inference.classifier import Classifier
from keras_hybrid.utils.rejection import KNOWN

_NUMBERS = ("probability", "value", KNOWN)
"""How names of columns with numbers begin; the others hold text."""


def names_of(classifier: Classifier, top: int) -> list[str]:
    """The columns between `file` and `error`.

    Args:
        classifier: The model.
        top: How many classes an image gets.
    """
    answer = ANSWERS[classifier.task].prediction
    known = [KNOWN] if classifier.rejects else []
    return answer.columns(top, classifier.classes) + known


def columns_of(
    answers: Iterable[Answer | str], names: Iterable[str], top: int
) -> dict[str, list]:
    """The values of each column, numbers as float; None where there is an error.

    Args:
        answers: Of each row, or why there is none.
        names: The columns between `file` and `error`.
        top: How many classes an image gets.
    """
    columns: dict[str, list] = {name: [] for name in (*names, "error")}
    for answer in answers:
        cells: Mapping[str, str] = (
            {"error": answer} if isinstance(answer, str) else answer.row(top)
        )
        for name, column in columns.items():
            cell = cells.get(name)
            if cell is not None and holds_numbers(name):
                column.append(float(cell))
            else:
                column.append(cell)
    return columns


def holds_numbers(name: str) -> bool:
    """Whether a column holds numbers."""
    return name.startswith(_NUMBERS)


def as_text(name: str) -> str:
    r"""A name as Parquet takes it: bytes that are no UTF-8 become `\xff` and so on."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
