"""An evaluation as text for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keras_hybrid.inference.evaluate_model import EvaluationResult
from keras_hybrid.train.confusion import confused_pairs
from keras_hybrid.train.confusion_sections import FEW_CLASSES, PAIRS, class_rows


def evaluation_text(result: EvaluationResult) -> str:
    """Metrics, classes, confusions, calibration and mistakes, as aligned tables.

    Beyond `FEW_CLASSES` classes the most frequent confusions stand in place of the
    confusion matrix.
    """
    return "\n".join(_lines(result))


def summary_lines(result: EvaluationResult) -> list[str]:
    """What was evaluated on what, what was left out, and the headline."""
    lines = [
        f"{result.model} on {result.data}: {len(result.labels):,} images of "
        f"{len(result.classes) - len(result.absent)} classes."
    ]
    if result.absent:
        lines.append(f"No images of {', '.join(result.absent)}.")
    if result.unreadable:
        count = len(result.unreadable) + len(result.labels)
        lines.append(f"{len(result.unreadable)} of {count} files cannot be read.")
    lines += result.headline.lines()
    return [*lines, result.note] if result.note else lines


def _lines(result: EvaluationResult) -> Iterator[str]:
    yield from summary_lines(result)
    yield ""
    rows = [{"metric": x, "value": f"{y:.4f}"} for x, y in result.metrics.items()]
    yield from _table(rows)
    yield ""
    yield from _table(class_rows(result.matrix, result.classes))
    pairs = confused_pairs(result.matrix, result.classes, PAIRS)
    if len(result.classes) <= FEW_CLASSES:
        yield from ["", "Confusion matrix: true class by row, predicted by column"]
        yield from _table(_matrix_rows(result))
    elif pairs:
        yield from ["", "The most frequent confusions"]
        yield from _table(pairs)
    yield from ["", "Calibration: confidence, and share of right predictions"]
    yield from _table(
        {x: y if x == "images" else f"{y:.3f}" for x, y in row.items()}
        for row in result.calibration.rows()
    )
    if len(result.mistakes):
        yield from ["", "The most confident mistakes"]
        yield from _table(
            row | {"probability": f"{row['probability']:.1%}"}
            for row in result.mistake_rows()
        )
    if result.unreadable:
        yield from ["", "Files that cannot be read"]
        yield from result.unreadable.values()


def _matrix_rows(result: EvaluationResult) -> list[dict[str, Any]]:
    return [
        {"": name} | dict(zip(result.classes, row, strict=True))
        for name, row in zip(result.classes, result.matrix.tolist(), strict=True)
    ]


def _table(
    rows: Iterator[Mapping[str, Any]] | Sequence[Mapping[str, Any]],
) -> list[str]:
    """Aligned columns: the first to the left, the others to the right."""
    listed = list(rows)
    lines = [list(listed[0]), *([str(x) for x in row.values()] for row in listed)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
