"""Suspected sequences: frames of a video, bursts of a camera, parts of a series."""

import datetime
import pathlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from keras_hybrid.data.check.finding import Finding, counted
from keras_hybrid.data.check.read_image_files import CheckedImage, grey_thumbnails
from keras_hybrid.data.check.similarity import local_contrast
from keras_hybrid.data.scan_folder import natural

Group = list[CheckedImage]

FEWEST = 3
"""Images of a common prefix that count as a series."""

BURST = datetime.timedelta(seconds=2)
"""Longest time between two pictures of a burst."""

_FEWEST_FRAMES = 8
_ALIKE = 0.3
"""Correlation by which neighbours exceed other images of a video's class."""


def sequence_findings(
    images: Sequence[CheckedImage], by_class: bool = True
) -> list[Finding]:
    """Groups that a split should not tear apart, by names, looks and EXIF times.

    Args:
        images: Readable images.
        by_class: Whether a group has one label, as for classes; numbers and sets of
            labels change from frame to frame.
    """
    numbered = _by_prefix(images, by_class)
    frames = [x for of in numbered for x in of.values() if _resembles_video(x)]
    found = [
        _finding(
            "name_series",
            name_series(images, by_class),
            "of images with a common prefix, e.g. of one patient or video",
        ),
        _finding(
            "numbered_frames",
            frames,
            "of numbered files whose neighbours look alike, as frames of a video do",
        ),
        _finding(
            "burst", _bursts(images, by_class), "of pictures taken within 2 seconds"
        ),
    ]
    return [finding for finding in found if finding]


def name_series(images: Iterable[CheckedImage], by_class: bool = True) -> list[Group]:
    """Groups with a common prefix, by names and labels alone."""
    return [x for of in _by_prefix(images, by_class) for x in _series(of)]


def _by_prefix(
    images: Iterable[CheckedImage], by_class: bool
) -> list[dict[str, Group]]:
    """Images of each class, or of all, by their name before its last number."""
    classes: dict[str, dict[str, Group]] = defaultdict(lambda: defaultdict(list))
    for image in sorted(images, key=_file_name):
        classes[image.label if by_class else ""][_prefix(image)].append(image)
    return [dict(groups) for groups in classes.values()]


def _file_name(image: CheckedImage) -> list[tuple[int, str]]:
    return natural(pathlib.PurePath(image.name).name)


def _prefix(image: CheckedImage) -> str:
    """The file "train/cat/day2/video3_frame012.png" -> "day2/video3_frame"."""
    path = pathlib.PurePath(image.name)
    folders = path.parent.parts
    if image.label in folders:
        folders = folders[folders.index(image.label) + 1 :]
    start = re.match(r"(.*?)\d+\D*$", path.stem)
    return "/".join([*folders, start[1] if start else path.stem])


def _series(groups: dict[str, Group]) -> list[Group]:
    """Groups of a class by prefix; one prefix for most of the class says nothing."""
    large = [x for prefix, x in groups.items() if prefix and len(x) >= FEWEST]
    of_class = sum(map(len, groups.values()))
    return large if len(large) > 1 or sum(map(len, large)) <= of_class / 2 else []


def _resembles_video(group: Group) -> bool:
    """Whether images resemble their neighbours more than other images of the group."""
    group = [image for image in group if not image.blank]
    if len(group) < _FEWEST_FRAMES:
        return False
    contrast = local_contrast(grey_thumbnails(group))
    half = len(group) // 2
    near = (contrast[:-1] * contrast[1:]).mean()
    far = (contrast[:-half] * contrast[half:]).mean()
    return bool(near - far > _ALIKE)


def _bursts(images: Sequence[CheckedImage], by_class: bool) -> list[Group]:
    """Runs of pictures with short times between them, in each class or in all."""
    found: list[Group] = []
    last: dict[str, tuple[datetime.datetime, Group]] = {}
    dated = ((x.taken, x) for x in images if x.taken)
    for taken, image in sorted(dated, key=lambda x: (x[0], x[1].name)):
        label = image.label if by_class else ""
        before, run = last.get(label, (None, []))
        if before is None or taken - before > BURST:
            run = []
            found.append(run)
        run.append(image)
        last[label] = taken, run
    return [run for run in found if len(run) > 1]


def _finding(kind: str, groups: list[Group], what: str) -> Finding | None:
    if not groups:
        return None
    torn = sum(len({image.split for image in group}) > 1 for group in groups)
    suspected = f"{counted(len(groups), 'suspected group', 'suspected groups')} {what}"
    where = f"; {torn:,} on both sides of the split" if torn else ""
    return Finding(
        kind,
        "warning" if torn else "note",
        f"{suspected}{where}. --group-by auto keeps a group on one side.",
        tuple(tuple(image.name for image in group) for group in groups),
    )
