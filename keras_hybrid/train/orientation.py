"""Whether mirrored and turned images keep their class, told from the images.

A ridge regression on features of patches predicts each image without having seen it,
as it is, mirrored and turned. If mirrored images of a class become another class, or no
class, a flip would teach wrong labels. If turned images are told as well as upright
ones, the images have no up.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from keras_hybrid.data import Split, balanced_split
from keras_hybrid.data.decode import resize_array
from keras_hybrid.data.patch_features import SIDE, PatchFeatures
from keras_hybrid.data.ridge import Ridge

FILE = "orientation.json"
"""What a run says of its orientation test."""

MOST_IMAGES = 1000
"""Images that are looked at, of all classes in proportion; it takes seconds."""
FEWEST_IMAGES = 40
_KEPT = 0.5  # share of the accuracy above chance that mirrored images must keep
_CHANGED = 0.5  # share of a class from which its change to another is systematic
_LEVEL = 0.01  # of the sign test, divided by the number of classes
_MARGIN = 0.2  # share of it that turned images may lose, by a 95 % bound

_CHANGES = {
    "mirrored": lambda images: images[:, :, ::-1],
    "turned by 180 degrees": lambda images: images[:, ::-1, ::-1],
    "turned by 90 degrees": lambda images: np.rot90(images, 1, (1, 2)),
}


@dataclasses.dataclass(frozen=True)
class Orientation:
    """What mirrored and turned images say.

    Attributes:
        accuracy: Share of the images whose class is told: as they are under `"plain"`,
            and mirrored or turned.
        mirror: Whether mirrored images keep their class.
        no_up: Whether turned images are told as well as upright ones.
        reason: Why mirrored images do not keep it; empty if they do.
        images: Number of images.
    """

    accuracy: dict[str, float]
    mirror: bool
    no_up: bool
    reason: str
    images: int

    @property
    def text(self) -> str:
        """The result in a sentence."""
        told = ", ".join(f"{x} {100 * y:.0f} %" for x, y in self.accuracy.items())
        found = [self.reason or "mirrored images keep their class"]
        found.append("images have no up" if self.no_up else "turned images differ")
        return (
            f"{'; '.join(found)} (share of {self.images:,} images told right without "
            f"having been seen: {told})"
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything as values that JSON can hold."""
        return dataclasses.asdict(self) | {"text": self.text}


def look_at_orientation(
    split: Split, names: tuple[str, ...], most: int = MOST_IMAGES
) -> Orientation | None:
    """Predicts images of a split as they are, mirrored and turned.

    Args:
        split: Images and their class numbers; of each group one is looked at.
        names: Names of the classes.
        most: Images to look at.

    Returns:
        What they say; None if the images are too few, or their classes cannot be told.
    """
    each = np.arange(len(split))
    if split.groups is not None:  # others of a group would tell an image as it is
        each = np.unique(split.groups, return_index=True)[1]
    share = min(1.0, most / len(each))
    chosen = each[balanced_split(split.labels[each], share, seed=0)[0]]
    if len(chosen) < FEWEST_IMAGES:
        return None
    labels = split.labels[chosen]
    images = np.stack([_small(split, index) for index in chosen])
    features = PatchFeatures(images)
    ridge = Ridge(features(images), labels, len(names))
    plain = ridge.left_out().argmax(1)
    told = {
        change: ridge.left_out_of(features(images, function)).argmax(1)
        for change, function in _CHANGES.items()
    }
    right = {change: found == labels for change, found in told.items()}
    accuracy = {"plain": (plain == labels).mean()} | {
        change: hits.mean() for change, hits in right.items()
    }
    chance = np.bincount(labels).max() / len(labels)
    if accuracy["plain"] - chance < 3 * math.sqrt(chance * (1 - chance) / len(labels)):
        return None
    reason = _changes_class(labels, plain, told["mirrored"], names)
    kept = (accuracy["mirrored"] - chance) / (accuracy["plain"] - chance)
    if not reason and kept < _KEPT:
        reason = "mirrored images are not told as their class"
    turned = [hits for change, hits in right.items() if change.startswith("turned")]
    allowed = _MARGIN * (accuracy["plain"] - chance)
    no_up = all(_largest_loss(plain == labels, hits) <= allowed for hits in turned)
    return Orientation(
        {change: round(float(x), 4) for change, x in accuracy.items()},
        not reason,
        no_up and not reason,
        reason,
        len(labels),
    )


def _small(split: Split, index: int) -> np.ndarray:
    """One image as uint8 `(SIDE, SIDE, 3)`; one at a time is read."""
    return resize_array(split.images[np.array([index])][0], (SIDE, SIDE), "stretch")


def _changes_class(
    labels: np.ndarray, plain: np.ndarray, mirrored: np.ndarray, names: tuple[str, ...]
) -> str:
    """Names the class whose mirrored images are another class; empty if none is.

    Of the images that are told as they are, more than half become that class, more than
    a sign test lets happen by chance.
    """
    for number, name in enumerate(names):
        of_class = (labels == number) & (plain == number)
        counts = np.bincount(mirrored[of_class], minlength=len(names))
        counts[number] = 0
        other = int(counts.argmax())
        back = ((labels == number) & (plain == other) & (mirrored == number)).sum()
        enough = counts[other] >= _CHANGED * of_class.sum()
        by_chance = _sign_test(int(counts[other]), int(back))
        if of_class.any() and enough and by_chance < _LEVEL / len(names):
            return f"mirrored images of {name} are told as {names[other]}"
    return ""


def _sign_test(more: int, less: int) -> float:
    """Probability of at least `more` heads in `more + less` throws of a coin."""
    throws = more + less
    ways = sum(math.comb(throws, k) for k in range(more, throws + 1))
    return ways / 2**throws


def _largest_loss(plain: np.ndarray, changed: np.ndarray) -> float:
    """Upper 95 % bound of the accuracy lost, from paired hits."""
    loss = plain.astype(float) - changed
    return float(loss.mean() + 1.645 * loss.std() / math.sqrt(len(loss)))
