"""Findings about copies: under two labels, on both sides of the split, or neither."""

from collections.abc import Iterable, Sequence

from keras_hybrid.data.check.finding import Finding, Severity, counted
from keras_hybrid.data.check.near_duplicates import near_duplicates
from keras_hybrid.data.check.read_image_files import CheckedImage

Group = list[CheckedImage]


def duplicate_findings(images: Sequence[CheckedImage]) -> tuple[list[Finding], bool]:
    """Identical files and near-duplicates among readable images.

    Returns:
        The findings, and whether all likely pairs were compared.
    """
    identical: dict[bytes, Group] = {}
    for image in images:
        identical.setdefault(image.digest, []).append(image)
    exact = [group for group in identical.values() if len(group) > 1]
    one_each = [group[0] for group in identical.values() if not group[0].blank]
    pairs, complete = near_duplicates([x.thumbnail for x in one_each if x.thumbnail])
    near, remarks = [], []
    for members in joined((pair.first, pair.second) for pair in pairs):
        copies = (identical[one_each[index].digest] for index in members)
        near.append([image for group in copies for image in group])
        least = min(x.similarity for x in pairs if x.first in members)
        remarks.append(f"similarity {least:.3f}")
    found = _findings("identical", "identical files", exact, [""] * len(exact))
    return found + _findings("near", "near-duplicates", near, remarks), complete


def joined(pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
    """The sets of numbers that pairs join, directly or through others."""
    found: dict[int, set[int]] = {}
    for first, second in pairs:
        one = found.setdefault(first, {first})
        other = found.setdefault(second, {second})
        if one is other:
            continue
        large, small = (one, other) if len(one) > len(other) else (other, one)
        large |= small
        found.update(dict.fromkeys(small, large))
    return list({id(x): x for x in found.values()}.values())


def _findings(
    kind: str, name: str, groups: Sequence[Group], remarks: Sequence[str]
) -> list[Finding]:
    """Sorts groups of copies by what is wrong with them."""
    two_labels, both_sides, others = [], [], []
    for group, remark in zip(groups, remarks, strict=True):
        labels = sorted({image.label for image in group})
        splits = {image.split for image in group}
        if len(labels) > 1:
            two_labels.append(
                (group, "; ".join(filter(None, [", ".join(labels), remark])))
            )
        if len(splits) > 1:
            both_sides.append((group, remark))
        if len(labels) == 1 and len(splits) == 1:
            others.append((group, remark))
    found = [
        _finding(
            f"{kind}_two_labels",
            "error",
            two_labels,
            f"of {name} under two labels; keep the right one, remove the others.",
        ),
        _finding(
            f"{kind}_train_test",
            "error",
            both_sides,
            f"of {name} on both sides of the split, which makes the test too easy; "
            "keep them on one side.",
        ),
        _finding(
            kind,
            "warning",
            others,
            f"of {name} of one class and split; keep one of each, so that validation "
            "images are new to the network.",
        ),
    ]
    return [finding for finding in found if finding]


def _finding(
    kind: str, severity: Severity, groups: list[tuple[Group, str]], message: str
) -> Finding | None:
    if not groups:
        return None
    return Finding(
        kind,
        severity,
        f"{counted(len(groups), 'group', 'groups')} {message}",
        tuple(tuple(image.name for image in group) for group, _ in groups),
        tuple(remark for _, remark in groups),
    )
