"""How much more images would help: networks on shares of the images, and a forecast."""

import math
from typing import Any

import numpy as np

from keras_hybrid.data import Dataset
from keras_hybrid.train.choose import (
    choose_before_loading,
    choose_settings,
    is_open,
)
from keras_hybrid.train.fit import Callbacks
from keras_hybrid.train.hold_out import load_images, split_indices
from keras_hybrid.train.learning_curve_options import LearningCurve
from keras_hybrid.train.learning_curve_page import write_page
from keras_hybrid.train.packages import require_packages
from keras_hybrid.train.power_law import Forecast, forecast
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.run import run
from keras_hybrid.train.speed_trial.decide import check_fixed
from keras_hybrid.train.tasks import get_task
from keras_hybrid.utils.card import write_card
from keras_hybrid.utils.csv_rows import write_csv

MEASURES = {"multilabel": "mean_average_precision"}
"""Test metrics of tasks whose `measure` is none."""


def learning_curve(
    settings: LearningCurve, callbacks: Callbacks = ()
) -> dict[str, Any]:
    """Trains networks on shares of the images, and forecasts twice as many images.

    Writes `curve.json`, `curve.csv`, `curve.html` and a folder per network to the
    workdir. A stopped curve goes on with the same call.

    Args:
        settings: The options.
        callbacks: See `run`.

    Returns:
        What `curve.json` has: `points`, a row per network; `forecast`, with `low`,
        `middle` and `high` of the measure for twice the images; `classes`, where images
        have one; and `text`.

    Raises:
        ValueError: If an option is out of range, or a network fails.
    """
    settings.recipe.check_trains("curve")
    check_fixed(settings.recipe, "curve")
    require_packages(settings.recipe)
    recipe, dataset = _prepare(settings.recipe)
    task = get_task(recipe.data.task)
    measure = MEASURES.get(task.name, task.measure)
    lower = task.measure in task.lower_is_better
    points, recalls = [], []
    for (share, number), member in members(settings, recipe).items():
        images = len(split_indices(member, dataset.train)[0])
        batch = min(recipe.optimization.batch_size, images)
        print(f"\n{share:.0%} of the images ({images:,}), network {number + 1}")
        card = run(member.replace(batch_size=batch), callbacks).card
        value = card["metrics"][f"test_{measure}"]
        points.append(
            {"share": share, "images": images, "network": number + 1} | {measure: value}
        )
        recalls.append({x["class"]: x["recall"] for x in card.get("test_classes", ())})
    found = {"measure": measure, "lower_is_better": lower, "points": points}
    found |= {"forecast": _forecast(points, measure, lower, len(dataset.test))}
    if task.name == "classification":
        found["classes"] = _classes(points, recalls)
    found["text"] = text(found)
    folder = recipe.directory
    write_csv(points, folder / "curve.csv")
    write_page(found, folder / "curve.html")
    write_card(found, folder / "curve.json")
    return found


def members(settings: LearningCurve, recipe: Recipe) -> dict[tuple[float, int], Recipe]:
    """The recipe of every network by its share and number.

    The time of a network, in epochs times images or in minutes, grows with the root of
    its share, as few images need more epochs.
    """
    found, optimization = {}, recipe.optimization
    networks = settings.networks()
    total = sum(math.sqrt(share) for share, _ in networks)
    for share, number in networks:
        time: dict[str, Any] = {"epochs": round(optimization.epochs / math.sqrt(share))}
        if optimization.budget:
            time = {"minutes": optimization.budget / 60 * math.sqrt(share) / total}
        found[share, number] = recipe.replace(
            fraction=share,
            seed=optimization.seed + number,
            workdir=str(recipe.directory / f"{share:g}-{number + 1}"),
            **time,
        )
    return found


def _prepare(recipe: Recipe) -> tuple[Recipe, Dataset]:
    """The recipe without open settings, chosen by all images; and these."""
    recipe = choose_before_loading(recipe)
    dataset = load_images(recipe)
    return choose_settings(recipe, dataset) if is_open(recipe) else recipe, dataset


def _forecast(
    points: list[dict[str, Any]], measure: str, lower: bool, tested: int
) -> dict[str, float]:
    """The measure at twice the images."""
    sizes = np.array([point["images"] for point in points])
    values = np.array([point[measure] for point in points], "float64")
    errors = np.maximum(values if lower else 1 - values, 1e-6)
    last = float(errors[sizes == sizes.max()].mean())
    noise = 0.03 * last if lower else expected_scatter(last, tested)
    ahead: Forecast = forecast(sizes, errors, 2 * int(sizes.max()), noise)
    bounds = ahead.low, ahead.middle, ahead.high
    if not lower:
        bounds = 1 - ahead.high, 1 - ahead.middle, 1 - ahead.low
    names = ("low", "middle", "high")
    rounded = {x: round(y, 6) for x, y in zip(names, bounds, strict=True)}
    return {"images": ahead.images} | rounded


def expected_scatter(error: float, images: int) -> float:
    """Standard deviation that is expected between networks of the same size.

    Args:
        error: Share of wrong answers.
        images: Number of test images, which are the same for all networks: they agree
            on most of these, so it is less than that of other test images.
    """
    return max(math.sqrt(error * (1 - error) / images / 2), 1e-6)


def _classes(
    points: list[dict[str, Any]], recalls: list[dict[str, float]]
) -> list[dict[str, Any]]:
    """Mean recall of each class at each number of images, and the last gain."""
    sizes = sorted({point["images"] for point in points})
    rows = []
    for name in recalls[-1]:
        row: dict[str, Any] = {"class": name}
        for size in sizes:
            of_size = [
                recall[name]
                for point, recall in zip(points, recalls, strict=True)
                if point["images"] == size
            ]
            row[f"recall at {size:,}"] = round(float(np.mean(of_size)), 4)
        means = list(row.values())[1:]
        rows.append(row | {"last gain": round(means[-1] - means[-2], 4)})
    return sorted(rows, key=lambda row: -row["last gain"])


def text(found: dict[str, Any]) -> str:
    """The curve and its forecast in two sentences."""
    measure, points = found["measure"], found["points"]

    def said(value: float) -> str:
        return f"{value:.4g}" if found["lower_is_better"] else f"{100 * value:.1f} %"

    means = []
    for size in sorted({point["images"] for point in points}):
        values = [point[measure] for point in points if point["images"] == size]
        means.append(f"{said(float(np.mean(values)))} with {size:,}")
    ahead = found["forecast"]
    return (
        f"{measure.replace('_', ' ').capitalize()} by training images: "
        f"{', '.join(means)}. Twice the images ({ahead['images']:,}): "
        f"{said(ahead['low'])} to {said(ahead['high'])} (80 % interval)."
    )
