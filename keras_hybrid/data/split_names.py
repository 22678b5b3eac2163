"""The words for a split, in names of folders and cells of tables."""

import re
from collections.abc import Iterable
from typing import NamedTuple

_WORDS = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "validate", "val", "valid", "dev", "development"),
    "test": ("test", "testing", "tst"),
}
SPLITS = tuple(_WORDS)
"""The splits, in their usual order."""
_SPLIT_OF = {word: split for split, words in _WORDS.items() for word in words}
_FILLERS = ("set", "data", "dataset", "images", "image", "imgs", "img", "split")
_JOINED = re.compile(rf"({'|'.join(_SPLIT_OF)})(?:{'|'.join(_FILLERS)})")


class SplitName(NamedTuple):
    """What a name says of a split.

    Attributes:
        split: `"train"`, `"validation"` or `"test"`.
        of: The other words of the name, which the splits of a dataset share.
    """

    split: str
    of: tuple[str, ...]


def split_name(name: str) -> SplitName | None:
    """The split that a name such as `Training`, `val_set` or `seg_train` stands for.

    Words count in any case, at either end, alone or with words such as `set`, `data`
    and `images`.
    """
    words = []
    for word in re.findall(r"[^\W\d_]+|\d+", name.casefold()):
        joined = _JOINED.fullmatch(word)
        words.append(joined[1] if joined else word)
    words = [word for word in words if word not in _FILLERS]
    if len(words) > 1 and words[0].isdecimal():  # as in 1_train, 2_test
        del words[0]
    for first, rest in ((words[:1], words[1:]), (words[-1:], words[:-1])):
        if first and first[0] in _SPLIT_OF:
            return SplitName(_SPLIT_OF[first[0]], tuple(rest))
    return None


def joined(names: Iterable[str]) -> str:
    """Names as in "train, val and test"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
