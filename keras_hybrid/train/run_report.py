"""`report.html`: the curves, metrics and mistakes of a run on one page."""

import pathlib
from typing import Any

import numpy as np

from keras_hybrid.data import Split
from keras_hybrid.data.corrections import describe_corrections
from keras_hybrid.train.curves import add_curves
from keras_hybrid.train.recipe import SPEED_TRIAL, result_fields
from keras_hybrid.train.speed_trial.choice import Choice
from keras_hybrid.train.summarize_test import headline_lines
from keras_hybrid.train.tasks import get_task
from keras_hybrid.utils.page import Page


def write_report(
    path: pathlib.Path,
    card: dict[str, Any],
    epochs: list[dict[str, Any]],
    test: Split,
    predictions: np.ndarray,
) -> None:
    """Writes the page.

    Args:
        path: The HTML file.
        card: The run's card, see `run_card.make_card`.
        epochs: One dict per epoch, from `read_metrics`; none of a joint model.
        test: The images that the model was tested on.
        predictions: What `Task.evaluate` returned for them.

    Raises:
        ImportError: If matplotlib is missing.
    """
    task = get_task(card["task"])
    page = Page(
        f"{card['model']} on {card['dataset']}",
        f"{card['parameters']:,} parameters, tested on {len(test):,} images.",
    )
    for line in headline_lines(card):
        page.text(line)
    if "corrections" in card:
        page.text(describe_corrections(card["corrections"]))
    if "orientation" in card:
        page.text(f"Orientation: {card['orientation']['text']}.")
    if SPEED_TRIAL in card:
        page.text(_timings(Choice.from_dict(card[SPEED_TRIAL])))
    page.table([{"measure": key, "value": x} for key, x in card["metrics"].items()])
    if epochs:
        add_curves(page.section("Training"), epochs, task.measure)
    task.add_sections(page, test, predictions, card)
    page.section("Settings").table(
        [
            {"setting": key, "value": str(x)}
            for key, x in result_fields(card["recipe"]).items()
        ]
    )
    page.write(path)


def _timings(choice: Choice) -> str:
    """What a speed trial found, in a sentence."""
    speeds = [
        f"{x.images_per_second:.4g} on {x.backend} in {x.precision}"
        for x in choice.timings
        if x.images_per_second
    ]
    said = f"; images per second were {', '.join(speeds)}" if speeds else ""
    return f"Speed: {choice.backend}, {choice.precision}: {choice.reason}{said}."
