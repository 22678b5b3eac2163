"""An evaluation as text for a terminal."""

from collections.abc import Iterator

from keras_hybrid.inference.evaluation import Evaluation
from keras_hybrid.utils.text_table import text_table


def evaluation_text(result: Evaluation) -> str:
    """Metrics, and what the task says of classes and mistakes, as aligned tables."""
    return "\n".join(_lines(result))


def summary_lines(result: Evaluation) -> list[str]:
    """What was evaluated on what, what was left out, and the headline."""
    lines = [
        f"{result.model} on {result.data}: {len(result.labels):,} images of "
        f"{result.what}."
    ]
    if result.absent:
        lines.append(f"No images of {', '.join(result.absent)}.")
    if result.unreadable:
        count = len(result.unreadable) + len(result.labels)
        lines.append(f"{len(result.unreadable)} of {count} files cannot be read.")
    lines += [*result.headline_lines(), *result.seen_lines()]
    return [*lines, result.note] if result.note else lines


def _lines(result: Evaluation) -> Iterator[str]:
    yield from summary_lines(result)
    yield ""
    rows = [{"metric": x, "value": f"{y:.4f}"} for x, y in result.metrics.items()]
    yield from text_table(rows)
    yield from result.text()
    if result.unreadable:
        yield from ["", "Files that cannot be read"]
        yield from result.unreadable.values()
