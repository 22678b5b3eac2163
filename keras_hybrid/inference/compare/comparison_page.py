"""A comparison of runs as one HTML file."""

import pathlib

from keras_hybrid.inference.compare.comparison import Comparison
from keras_hybrid.inference.compare.comparison_text import (
    pair_rows,
    run_rows,
    summary,
)
from keras_hybrid.train.curves import epoch_line
from keras_hybrid.train.tasks import get_task
from keras_hybrid.utils.page import Line, Page


def write_page(found: Comparison, path: pathlib.Path) -> None:
    """Writes the page.

    Args:
        found: What `compare` returned.
        path: The HTML file.
    """
    page = Page("Comparison of runs", summary(found))
    for pair in found.pairs:
        page.text(f"{found.verdict(pair)}.")
    page.section("Accuracy and cost").table(
        run_rows(found), "MACs are multiply-adds per image, of all views."
    )
    page.section("Differences").table(
        pair_rows(found),
        f"Second run less first: {found.scores.measure} of the test images.",
    )
    for note in found.notes():
        page.text(note)
    page.section("Settings that differ")
    if found.settings:
        page.table(found.settings)
    else:
        page.text("None.")
    page.section("Training", "On validation images, where a run has them.")
    _add_curves(page, found)
    page.write(path)


def _add_curves(page: Page, found: Comparison) -> None:
    """Loss and metric by epoch, and the metric by seconds; validation if there is."""
    measure = get_task(found.runs[0].task).measure
    drawn = (
        ("loss", "epoch", "epoch"),
        (measure, "epoch", "epoch"),
        (measure, "elapsed_seconds", "seconds of training"),
    )
    for metric, over, label in drawn:
        lines = [_line(found, i, metric, over) for i in range(len(found.runs))]
        page.chart([x for x in lines if x.x], label, metric.replace("_", " "))


def _line(found: Comparison, i: int, metric: str, over: str) -> Line:
    epochs, name = found.runs[i].epochs, found.names[i]
    validated = bool(epochs) and f"val_{metric}" in epochs[0]
    key, part = (f"val_{metric}", "") if validated else (metric, " (training)")
    return epoch_line(epochs, key, name + part, over)
