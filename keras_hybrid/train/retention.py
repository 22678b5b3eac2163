"""What a run that adds classes lost of the earlier ones."""

from typing import Any

import keras
import numpy as np

from keras_hybrid.data import Dataset, Split
from keras_hybrid.models.keras_file import load_keras
from keras_hybrid.train.earlier_run import EarlierRun
from keras_hybrid.train.evaluate import predict_split, scorer
from keras_hybrid.train.hold_out import earlier_images
from keras_hybrid.train.recipe import Recipe


def retention(recipe: Recipe, model: keras.Model, dataset: Dataset) -> dict[str, Any]:
    """Accuracy on the earlier classes before and after classes were added.

    It is measured on the test images of the earlier run, or if these are gone on the
    test images of its classes in this run.

    Args:
        recipe: The settings.
        model: The trained model.
        dataset: The images of this run.

    Returns:
        The entry `earlier_classes` of the card: `text`, the number of `images`,
        `accuracy_before` and `accuracy` on them, and a row for each of the `classes`.
        Empty for a run that adds none, or without such images.
    """
    if not recipe.fine_tuning.earlier_run:
        return {}
    earlier = EarlierRun.read(recipe.fine_tuning.earlier_run)
    test = _test_images(earlier, dataset)
    if not len(test):
        return {}
    before, after = (
        predict_split(scorer(x, recipe.selection.tta), test).argmax(-1) == test.labels
        for x in (load_keras(earlier.model_file), model)
    )
    rows = _rows(test.labels, before, after, earlier.class_names)
    found = {
        "run": str(earlier.directory),
        "images": len(test),
        "accuracy_before": round(float(before.mean()), 6),
        "accuracy": round(float(after.mean()), 6),
        "classes": rows,
    }
    return {"earlier_classes": found | {"text": _text(found)}}


def _test_images(earlier: EarlierRun, dataset: Dataset) -> Split:
    images = earlier_images(earlier)
    if images:
        return images.test
    old = np.flatnonzero(dataset.test.labels < len(earlier.class_names))
    return dataset.test.select(old)


def _rows(
    labels: np.ndarray, before: np.ndarray, after: np.ndarray, names: tuple[str, ...]
) -> list[dict[str, Any]]:
    rows = []
    for number in np.unique(labels):
        of_class = labels == number
        rows.append(
            {
                "class": names[number],
                "images": int(of_class.sum()),
                "recall_before": round(float(before[of_class].mean()), 6),
                "recall": round(float(after[of_class].mean()), 6),
            }
        )
    return rows


def _text(found: dict[str, Any]) -> str:
    before, after = found["accuracy_before"], found["accuracy"]
    said = (
        f"Of {found['images']:,} test images of the classes of {found['run']}, "
        f"{before:.1%} were right before and {after:.1%} are now"
    ).replace("%", " %")
    if after >= before:
        return f"{said}: nothing was lost."
    worst = max(found["classes"], key=lambda row: row["recall_before"] - row["recall"])
    span = f"{worst['recall_before']:.1%} to {worst['recall']:.1%}".replace("%", " %")
    lost = 100 * (before - after)
    return f"{said}: {lost:.1f} points lost, most of {worst['class']} ({span})."
