"""What the card of a run says about its test, beside the metrics."""

from collections.abc import Callable, Mapping
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

    def judge(rest: np.ndarray, groups: np.ndarray | None) -> dict[str, Any]:
        found = headline(labels[rest], predictions[rest], names, groups)
        logarithms = log_of(probabilities[rest])
        metrics = classification_metrics(logarithms, labels[rest], ordinal)
        return {"headline": found.as_dict(), "metrics": metrics}

    return {
        "headline": found.as_dict(),
        "test_classes": score_rows(matrix, names),
    } | without_seen(dataset, judge)


def without_seen(
    dataset: Dataset,
    judge: Callable[[np.ndarray, np.ndarray | None], dict[str, Any]],
) -> dict[str, Any]:
    """The entry `test_unseen` of a card, if test images are known from training.

    Args:
        dataset: The images.
        judge: Headline and metrics of some test images, by their indices and groups.
    """
    seen = dataset.seen_in_training()
    if not seen.any():
        return {}
    rest, groups = np.flatnonzero(~seen), dataset.test.groups
    groups = None if groups is None else groups[rest]
    found = judge(rest, groups) if len(rest) else {}
    return {"test_unseen": {"seen": int(seen.sum())} | found}


def headline_lines(card: Mapping[str, Any]) -> list[str]:
    """The headline of a card, with and without test images seen in training.

    What became of the classes of an earlier run comes last. A card of an earlier
    version has no headline.
    """
    if "headline" not in card:
        return []
    lines = [*card["headline"]["text"], *_unseen_lines(card.get("test_unseen"))]
    lines += card.get("unknown", {}).get("text", [])
    earlier = card.get("earlier_classes")
    return [*lines, earlier["text"]] if earlier else lines


def _unseen_lines(unseen: Mapping[str, Any] | None) -> list[str]:
    if not unseen:
        return []
    said = (
        f"{unseen['seen']:,} of these test images are copies of training images, or of "
        "the group of one."
    )
    if "headline" not in unseen:
        return [said, "No other test image is left."]
    first, *others = unseen["headline"]["text"]
    return [said, f"Without them: {first[0].lower()}{first[1:]}", *others]
