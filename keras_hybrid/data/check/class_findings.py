"""Findings about classes: unreadable images, too few of a class, imbalance."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from keras_hybrid.data.check.finding import Finding, counted
from keras_hybrid.data.check.read_image_files import CheckedImage
from keras_hybrid.data.split_names import joined
from keras_hybrid.data.targets import TargetReader
from keras_hybrid.utils.names import few_names

FEW = 10
"""Training images of a class below which it has few."""

IMBALANCE = 3.0
"""Factor between the largest and the smallest class from which they are unbalanced."""


def class_counts(
    images: Sequence[CheckedImage], targets: TargetReader
) -> dict[str, dict[str, int]]:
    """Images of each class in each split, where `"all"` stands for no split."""
    counts: dict[str, Counter[str]] = {}
    for image in images:
        for name in targets.classes_of(image.label):
            counts.setdefault(name, Counter())[image.split or "all"] += 1
    return {label: dict(splits) for label, splits in counts.items()}


def unreadable_finding(images: Sequence[CheckedImage]) -> list[Finding]:
    """The files that training cannot decode."""
    bad = [image for image in images if image.error]
    if not bad:
        return []
    message = (
        f"{counted(len(bad), 'image', 'images')} cannot be read; fix or remove "
        "them, or train with --corrupt skip."
    )
    names = tuple((image.name,) for image in bad)
    reasons = tuple(image.error for image in bad)
    return [Finding("unreadable", "error", message, names, reasons)]


def class_findings(counts: Mapping[str, Mapping[str, int]]) -> list[Finding]:
    """Classes that are small, not tested, named alike, or out of balance.

    Args:
        counts: From `class_counts`.
    """
    training = {
        label: sum(
            n for split, n in splits.items() if split not in ("validation", "test")
        )
        for label, splits in counts.items()
    }
    found = []
    if few := [label for label, n in training.items() if n < FEW]:
        found.append(
            Finding(
                "few_images",
                "warning",
                f"Fewer than {FEW} training images of {few_names(few)}; add some.",
            )
        )
    tested = any("test" in splits for splits in counts.values())
    if untested := [x for x in counts if tested and "test" not in counts[x]]:
        found.append(
            Finding(
                "no_test_images",
                "warning",
                f"No test images of {few_names(untested)}, which are not tested.",
            )
        )
    found += _alike(list(counts))
    largest = max(training, key=lambda x: training[x])
    smallest = min(training, key=lambda x: training[x])
    if training[largest] >= IMBALANCE * training[smallest]:
        found.append(
            Finding(
                "imbalance",
                "warning",
                f"Classes are out of balance: {training[largest]:,} training images of "
                f"{largest} and {training[smallest]:,} of {smallest}; consider "
                "--class-balance.",
            )
        )
    return found


def _alike(classes: Sequence[str]) -> list[Finding]:
    """Names that differ in case, blanks, hyphens and underscores alone.

    Single characters are left out: `a` and `A` are classes of letters.
    """
    forms: dict[str, list[str]] = {}
    for name in classes:
        if len(name) > 1:
            forms.setdefault(re.sub(r"[\s_-]+", "", name.casefold()), []).append(name)
    return [
        Finding(
            "alike_names",
            "warning",
            f"{joined(names)} are {len(names)} classes; if they are one, rename them.",
        )
        for names in forms.values()
        if len(names) > 1
    ]
