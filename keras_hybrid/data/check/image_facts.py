"""Sizes, colour modes and orientation tags, and the images that differ from others."""

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from keras_hybrid.data.check.finding import Finding, Severity, counted
from keras_hybrid.data.check.read_image_files import CheckedImage
from keras_hybrid.data.image_shapes import ADVICE, FRAMES_ADVICE, LONG, is_long
from keras_hybrid.utils.typing import Fit

SMALL = 0.25
"""Share of the median short side below which an image is small."""


def image_facts(images: Sequence[CheckedImage]) -> dict[str, Any]:
    """Numbers about readable images, for JSON."""
    if not images:
        return {}
    sizes = [image.size for image in images]
    return {
        "sizes": len(set(sizes)),
        "smallest": [*min(sizes, key=_area)],
        "largest": [*max(sizes, key=_area)],
        "median_size": [statistics.median_low(x) for x in zip(*sizes, strict=True)],
        "modes": dict(Counter(image.mode for image in images).most_common()),
        "orientations": dict(
            sorted(Counter(str(image.orientation) for image in images).items())
        ),
    }


def image_findings(images: Sequence[CheckedImage], fit: Fit = "crop") -> list[Finding]:
    """Images of one colour, small, cut by a crop, of several frames, turned by a tag.

    Args:
        images: Readable images.
        fit: How training makes them square.
    """
    if not images:
        return []
    short = statistics.median(min(image.size) for image in images)
    usual = Counter(image.mode for image in images).most_common(1)[0][0]
    found = [
        _finding(
            "blank",
            "warning",
            [x for x in images if x.blank],
            "of one colour; remove them if they show nothing.",
        ),
        _finding(
            "small",
            "warning",
            [x for x in images if min(x.size) < SMALL * short],
            f"whose short side is below a quarter of the median, {short:.0f} pixels.",
            _size,
        ),
        _finding(
            "long",
            "warning",
            [x for x in images if fit == "crop" and is_long(x.size)],
            f"more than {LONG:g} times as long as wide: a crop, which is the default, "
            f"keeps less than half; {ADVICE}",
            _size,
        ),
        _finding(
            "frames",
            "warning",
            [x for x in images if x.frames > 1],
            f"of several frames or pages. {FRAMES_ADVICE}",
            lambda x: f"{x.frames} frames",
        ),
        _finding(
            "mode",
            "note",
            [x for x in images if x.mode != usual],
            f"in another colour mode than most, {usual}; training converts all to RGB.",
            lambda x: x.mode,
        ),
        _finding(
            "orientation",
            "note",
            [x for x in images if x.turned],
            "with an EXIF orientation; training turns them upright.",
            lambda x: f"orientation {x.orientation}",
        ),
    ]
    return [finding for finding in found if finding]


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _size(image: CheckedImage) -> str:
    return "{}x{}".format(*image.size)


def _finding(
    kind: str,
    severity: Severity,
    images: Sequence[CheckedImage],
    what: str,
    remark: Callable[[CheckedImage], str] | None = None,
) -> Finding | None:
    if not images:
        return None
    return Finding(
        kind,
        severity,
        f"{counted(len(images), 'image', 'images')} {what}",
        tuple((image.name,) for image in images),
        tuple(map(remark, images)) if remark else (),
    )
