"""How many images of each class a folder has in each split, as text."""

from collections import Counter
from collections.abc import Sequence

from keras_hybrid.data.read_table import ImageRecord
from keras_hybrid.data.split_names import SPLITS
from keras_hybrid.data.targets import TargetReader
from keras_hybrid.utils.text_table import text_table

CLASSES = 20
"""Classes that have a line of their own."""


def layout_table(
    listed: Sequence[ImageRecord], names: Sequence[str], targets: TargetReader
) -> list[str]:
    """A line for each class and one for all, with the images in each split.

    Args:
        listed: The images.
        names: The classes, in their order.
        targets: What the labels are.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for image in listed:
        counts.update(
            (x, image.split or "images") for x in targets.classes_of(image.label)
        )
    of_all = Counter(image.split or "images" for image in listed)
    splits = [split for split in (*SPLITS, "images") if of_all[split]]
    classes = [x for x in names if any(counts[x, split] for split in splits)]
    if len(classes) == 1:  # of numbers
        classes = []
    rows = [
        {"class": name} | {split: f"{counts[name, split]:,}" for split in splits}
        for name in classes[:CLASSES]
    ]
    every = {"class": "all"} | {split: f"{of_all[split]:,}" for split in splits}
    more = len(classes) - CLASSES
    return text_table([*rows, every]) + [f"and {more:,} more classes"] * (more > 0)
