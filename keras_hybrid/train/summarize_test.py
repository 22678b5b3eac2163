"""What the card of a run says about its test, beside the metrics."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_hybrid.data import Dataset
from keras_hybrid.train.confusion import confusion_matrix, score_rows
from keras_hybrid.train.evaluate import classification_metrics, log_of
from keras_hybrid.train.headline import headline


def summarize_test(
    dataset: Dataset, probabilities: np.ndarray, ordinal: bool = False
) -> dict[str, Any]:
    """Headline, scores of each class, and the metrics on unseen images.

    Args:
        dataset: The images.
        probabilities: Predicted probabilities for the test images, `(N, classes)`.
        ordinal: Whether the classes have an order.

    Returns:
        Entries of the card. `headline` is `Headline.as_dict`, and `test_classes` has
        precision, recall, F1 score and support of each class. Where test images are
        copies of training images, or of the group of one, `test_unseen` says how many
        are `seen`, and has headline and metrics of the others.
    """
    names, labels = dataset.class_names, dataset.test.labels
    predictions = probabilities.argmax(-1)
    matrix = confusion_matrix(labels, predictions, len(names))
    found = headline(labels, predictions, names, dataset.test.groups)
    facts: dict[str, Any] = {
        "headline": found.as_dict(),
        "test_classes": score_rows(matrix, names),
    }
    seen = dataset.seen_in_training()
    if seen.any():
        facts["test_unseen"] = {"seen": int(seen.sum())} | _unseen(
            dataset, probabilities, np.flatnonzero(~seen), ordinal
        )
    return facts


def _unseen(
    dataset: Dataset, probabilities: np.ndarray, rest: np.ndarray, ordinal: bool
) -> dict[str, Any]:
    if not len(rest):
        return {}
    labels, groups = dataset.test.labels[rest], dataset.test.groups
    predictions = probabilities[rest].argmax(-1)
    groups = None if groups is None else groups[rest]
    found = headline(labels, predictions, dataset.class_names, groups)
    metrics = classification_metrics(log_of(probabilities[rest]), labels, ordinal)
    return {"headline": found.as_dict(), "metrics": metrics}


def headline_lines(card: Mapping[str, Any]) -> list[str]:
    """The headline of a card, with and without test images seen in training.

    A card of an earlier version has none.
    """
    if "headline" not in card:
        return []
    lines = list(card["headline"]["text"])
    unseen = card.get("test_unseen")
    if not unseen:
        return lines
    lines.append(
        f"{unseen['seen']:,} of these test images are copies of training images, or of "
        "the group of one."
    )
    if "headline" not in unseen:
        return [*lines, "No other test image is left."]
    first, *others = unseen["headline"]["text"]
    return [*lines, f"Without them: {first[0].lower()}{first[1:]}", *others]
