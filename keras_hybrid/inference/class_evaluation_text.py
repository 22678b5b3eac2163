"""The part of an evaluation's text that is about classes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from keras_hybrid.train.confusion import confused_pairs
from keras_hybrid.train.confusion_sections import FEW_CLASSES, PAIRS, class_rows
from keras_hybrid.utils.text_table import text_table

if TYPE_CHECKING:
    from keras_hybrid.inference.class_evaluation import EvaluationResult


def class_text(result: "EvaluationResult") -> Iterator[str]:
    """Classes, confusions, calibration and mistakes, as aligned tables.

    Beyond `FEW_CLASSES` classes the most frequent confusions stand in place of the
    confusion matrix.
    """
    yield ""
    yield from text_table(class_rows(result.matrix, result.classes))
    pairs = confused_pairs(result.matrix, result.classes, PAIRS)
    if len(result.classes) <= FEW_CLASSES:
        yield from ["", "Confusion matrix: true class by row, predicted by column"]
        yield from text_table(_matrix_rows(result))
    elif pairs:
        yield from ["", "The most frequent confusions"]
        yield from text_table(pairs)
    yield from ["", "Calibration: confidence, and share of right predictions"]
    yield from text_table(
        {x: y if x == "images" else f"{y:.3f}" for x, y in row.items()}
        for row in result.calibration.rows()
    )
    if rows := result.rejection_rows():
        yield from ["", "Unknown images: threshold of known, accepted, their accuracy"]
        yield from text_table(
            {x: "" if y is None else f"{y:.3f}" for x, y in row.items()} for row in rows
        )
    if len(result.mistakes):
        yield from ["", "The most confident mistakes"]
        yield from text_table(
            row | {"probability": f"{row['probability']:.1%}"}
            for row in result.mistake_rows()
        )


def _matrix_rows(result: "EvaluationResult") -> list[dict[str, Any]]:
    return [
        {"": name} | dict(zip(result.classes, row, strict=True))
        for name, row in zip(result.classes, result.matrix.tolist(), strict=True)
    ]
