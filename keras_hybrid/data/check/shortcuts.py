"""Shortcuts: cues that tell the classes without what the images show.

A network takes the easiest cue that it finds (Geirhos et al. 2020, "Shortcut learning
in deep neural networks"): a border, a camera's image size, a compression. Each cue
alone trains a decision tree. Where it predicts the classes of images that it has not
seen, a network may, too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_hybrid.data.check.finding import Finding
from keras_hybrid.data.check.read_image_files import CheckedImage
from keras_hybrid.data.grouped_splits import grouped_folds
from keras_hybrid.data.splits import balanced_split

MOST_IMAGES = 2000
"""Images that are taken, spread evenly over the classes' images."""
FEWEST_IMAGES = 10
"""Images that a class needs to be looked at."""
STRONG = 0.4
"""Share of the way from chance to certainty from which a cue is a warning."""

_FOLDS, _DEPTH, _LEAF, _PERMUTATIONS = 5, 6, 4, 1000


class CueScore(NamedTuple):
    """How well a cue alone tells the classes of images that it was not fitted to.

    Attributes:
        accuracy: Balanced accuracy, in cross-validation.
        by_chance: The largest balanced accuracy of a thousand permutations of the
            labels: a cue that tells nothing exceeds it once in a thousand times.
        recall: Recall of each class.
    """

    accuracy: float
    by_chance: float
    recall: np.ndarray


def shortcut_findings(
    images: Sequence[CheckedImage], groups: np.ndarray
) -> list[Finding]:
    """Cues that tell the classes: strong ones as warnings, weaker ones as notes.

    Args:
        images: Readable images.
        groups: Group numbers of images that a fold must keep together, `(N,)`.
    """
    names, labels = np.unique([x.label for x in images], return_inverse=True)
    enough = np.bincount(labels) >= FEWEST_IMAGES
    kept = np.flatnonzero(enough[labels])
    if enough.sum() < 2:
        return []
    share = min(1.0, MOST_IMAGES / len(kept))
    kept = kept[balanced_split(labels[kept], share, seed=0)[0]]
    names, classes = names[enough], np.unique(labels[kept], return_inverse=True)[1]
    if len(np.unique(groups[kept])) < 2:
        return []  # copies join all images
    found = []
    for cue in images[0].cues:
        values = np.array([images[index].cues[cue] for index in kept])
        score = cue_score(values, classes, groups[kept])
        if score.accuracy > score.by_chance:
            found.append(_finding(cue, names, score))
    return found


def cue_score(values: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> CueScore:
    """Cross-validates a decision tree on a cue.

    Args:
        values: The cue, `(N, K)`.
        labels: Class numbers `(N,)`.
        groups: Group numbers `(N,)`.
    """
    from sklearn.tree import DecisionTreeClassifier

    folds = grouped_folds(labels, groups, _FOLDS, seed=0)
    predicted = np.zeros_like(labels)
    for fold in np.unique(folds):
        out = folds == fold
        tree = DecisionTreeClassifier(
            max_depth=_DEPTH,
            min_samples_leaf=_LEAF,
            class_weight="balanced",
            random_state=0,
        )
        predicted[out] = tree.fit(values[~out], labels[~out]).predict(values[out])
    recall = _recall(labels, predicted)
    rng = np.random.default_rng(0)
    chance = max(
        _recall(rng.permutation(labels), predicted).mean() for _ in range(_PERMUTATIONS)
    )
    return CueScore(float(recall.mean()), float(chance), recall)


def _recall(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    hits = np.bincount(labels, weights=labels == predicted)
    return hits / np.bincount(labels)


def _finding(cue: str, names: np.ndarray, score: CueScore) -> Finding:
    chance = 1 / len(names)
    strong = score.accuracy - chance > STRONG * (1 - chance)
    best = np.argsort(-score.recall, kind="stable")[:3]
    told = ", ".join(f"{names[i]} {100 * score.recall[i]:.0f} %" for i in best)
    return Finding(
        "shortcut",
        "warning" if strong else "note",
        f"The {cue} alone tells the classes with a balanced accuracy of "
        f"{100 * score.accuracy:.0f} %, by chance {100 * chance:.0f} % (best: {told}). "
        "If new images will not have it, make the classes alike in it.",
    )
