"""Looks for wrong labels in a folder of images, by predictions for images left out."""

import dataclasses
import math
import pathlib
from typing import Any

import numpy as np

from keras_hybrid.data import Dataset, load
from keras_hybrid.data.image_files import Corrupt
from keras_hybrid.data.manifest import name_in
from keras_hybrid.data.patch_features import LEAST, SIDE, PatchFeatures
from keras_hybrid.data.ridge import Ridge
from keras_hybrid.train.review.label_noise import LabelNoise, label_noise
from keras_hybrid.utils.typing import Fit

FEWEST = 20
"""Suspects that are shown even if fewer labels are wrong by the estimate."""
MOST = 300
"""Suspects that are shown at most, by default."""


@dataclasses.dataclass(frozen=True)
class LabelReview:
    """Which labels of a folder are suspect.

    Attributes:
        root: The folder.
        classes: Names of the classes.
        names: The image files, from the folder, `N` of them.
        labels: Their class numbers `(N,)`.
        noise: The estimated share of wrong labels, and what is known of each.
    """

    root: pathlib.Path
    classes: tuple[str, ...]
    names: tuple[str, ...]
    labels: np.ndarray
    noise: LabelNoise

    @property
    def agreement(self) -> float:
        """Share of the images whose likeliest class is the given one."""
        return float((self.noise.probabilities.argmax(1) == self.labels).mean())

    def suspects(self, most: int = MOST) -> np.ndarray:
        """Indices of the most suspect labels, the worst first.

        They are as many as labels are wrong by the estimate, within `FEWEST` and
        `most`, and no image whose likeliest class is the given one.
        """
        count = max(math.ceil(self.noise.rate * len(self.labels)), FEWEST)
        ranked = np.argsort(-self.noise.wrong, kind="stable")
        differs = self.noise.probabilities.argmax(1) != self.labels
        return ranked[differs[ranked]][: min(count, most)]

    def rows(self, indices: np.ndarray) -> list[dict[str, Any]]:
        """A row for each of some images, with the columns of `read_corrections`.

        `action` is empty, `new_label` the likeliest other class, and `wrong` the
        probability that the label is wrong.
        """
        rows = []
        for i in indices:
            other = self.likeliest(i)[0]
            rows.append(
                {
                    "path": self.names[i],
                    "label": self.classes[self.labels[i]],
                    "action": "",
                    "new_label": self.classes[other],
                    "probability": round(float(self.noise.probabilities[i, other]), 4),
                    "wrong": round(float(self.noise.wrong[i]), 4),
                }
            )
        return rows

    def likeliest(self, index: int) -> np.ndarray:
        """Numbers of the classes that an image may belong to instead, best first."""
        order = np.argsort(-self.noise.probabilities[index], kind="stable")
        return order[order != self.labels[index]]

    def lines(self) -> list[str]:
        """What was found, in few sentences."""
        images, noise = len(self.labels), self.noise
        return [
            f"{self.root}: {images:,} images of {len(self.classes)} classes; "
            f"{100 * self.agreement:.1f} % of the labels are those that the other "
            "images suggest.",
            f"About {100 * noise.rate:.1f} % of the labels are wrong (95 % interval "
            f"{100 * noise.low:.1f} to {100 * noise.high:.1f} %), "
            f"{round(noise.rate * images):,} images.",
        ]

    def as_dict(self) -> dict[str, Any]:
        """The result without the single images, ready for JSON."""
        noise = self.noise
        return {
            "root": str(self.root),
            "images": len(self.labels),
            "classes": list(self.classes),
            "agreement": round(self.agreement, 6),
            "noise": {"rate": noise.rate, "low": noise.low, "high": noise.high},
        }


def review_labels(
    folder: str | pathlib.Path,
    image_size: int = SIDE,
    fit: Fit = "crop",
    corrupt: Corrupt = "raise",
    manifest: str | pathlib.Path | None = None,
    group_by: str = "none",
    corrections: str | pathlib.Path | None = None,
) -> LabelReview:
    """Finds labels that the other images of a folder contradict.

    A ridge regression on features of small patches predicts each image without having
    seen it (leave-one-out, or without its group). It takes seconds, and all splits of
    the folder are reviewed.

    Args:
        folder: A folder that `load("folder", folder)` takes, with one class per image.
        image_size: Height and width at which images are looked at, in pixels.
        fit: How images are made square.
        corrupt: Whether files that cannot be decoded are an error or left out.
        manifest: The table of the folder, if it is not its `labels.csv`.
        group_by: Which images are left out together, see `load`.
        corrections: What an earlier review found, which is applied first.

    Raises:
        FileNotFoundError: If there is no such folder or table.
        ValueError: If the folder has another layout, or labels of another task, or the
            image size is below 10.

    Example:
        >>> review = review_labels("photos")
        >>> review.noise.rate, review.rows(review.suspects(10))
    """
    if image_size < LEAST:
        raise ValueError(f"--image-size must be {LEAST} or more, not {image_size}.")
    root = pathlib.Path(folder)
    try:
        dataset = load(
            "folder",
            root,
            image_size,
            corrupt,
            fit,
            manifest,
            group_by,
            corrections=corrections,
        )
    except ValueError as error:
        if "--task" not in str(error):
            raise
        raise ValueError(f"A review needs one class per image. {error}") from error
    labels = np.concatenate([dataset.train.labels, dataset.test.labels])
    scores = left_out_scores(dataset)
    paths = np.concatenate([dataset.train.paths, dataset.test.paths])
    names = tuple(name_in(root, path) for path in paths)
    noise = label_noise(scores, labels)
    return LabelReview(root, dataset.class_names, names, labels, noise)


def left_out_scores(dataset: Dataset) -> np.ndarray:
    """Scores of training and test images `(N, classes)`, each by all others.

    Features are averaged over the image and its mirror image, if that agrees with more
    labels: it does not where a class is the mirror image of another.
    """
    splits = dataset.train, dataset.test
    labels = np.concatenate([split.labels for split in splits])
    patches = PatchFeatures(dataset.train.images)
    plain = np.concatenate([patches(split.images) for split in splits])
    both = plain + np.concatenate([patches(x.images, _mirrored) for x in splits])
    groups = None
    if dataset.train.groups is not None and dataset.test.groups is not None:
        groups = np.concatenate([dataset.train.groups, dataset.test.groups])
    classes = len(dataset.class_names)
    found = [Ridge(x, labels, classes).left_out(groups) for x in (plain, both)]
    return max(found, key=lambda scores: (scores.argmax(1) == labels).mean())


def _mirrored(images: np.ndarray) -> np.ndarray:
    return images[:, :, ::-1]
