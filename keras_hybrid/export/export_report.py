"""The comparison of an exported file with Keras, and the card that records it."""

import dataclasses
import importlib.metadata
import pathlib
import platform

import numpy as np

from keras_hybrid.export.formats import get_format
from keras_hybrid.utils.files import sha256
from keras_hybrid.utils.rejection import REJECTED


@dataclasses.dataclass(frozen=True)
class Report:
    """An exported file against the Keras model it came from.

    Attributes:
        format: Name of the format.
        path: Where the file or folder is.
        images: How many images were compared.
        max_difference: Largest absolute difference of the logits.
        tolerance: What was allowed.
        top1_agreement: Share of the images with the same top class; None of a model
            with one output.
        size: Bytes on disk.
        custom_ops: Operations outside the runtime's builtin set.
        milliseconds: Median time of one image, on this machine.
        known_difference: Largest absolute difference of `known`, if there is one.
        same_verdict: Share of the images that both accept or both reject.
    """

    format: str
    path: pathlib.Path
    images: int
    max_difference: float
    tolerance: float
    top1_agreement: float | None
    size: int
    custom_ops: tuple[str, ...]
    milliseconds: float
    known_difference: float | None = None
    same_verdict: float | None = None

    def __str__(self) -> str:
        foreign = ", ".join(self.custom_ops) or "none"
        agreement = f"on {self.images} images"
        if self.top1_agreement is not None:
            agreement = f"top-1 agreement {self.top1_agreement:.1%} of {self.images}"
        if self.known_difference is not None:
            agreement += f", known within {self.known_difference:.1e}"
        return (
            f"{self.path.name}: {self.size / 2**20:.1f} MiB, logits within "
            f"{self.max_difference:.1e} of Keras, {agreement}, "
            f"{self.milliseconds:.1f} ms an image, ops outside the builtin set: "
            f"{foreign}"
        )


class ExportMismatch(RuntimeError):
    """An exported file does not compute what the Keras model computes.

    Attributes:
        report: What was measured; None if there was nothing to compare.
    """

    def __init__(self, message: str, report: Report | None = None):
        super().__init__(message)
        self.report = report


KNOWN_TOLERANCE = 1e-3
"""Difference of `known` that passes, in files of floating-point numbers."""


def compare_known(
    expected: np.ndarray | None, found: np.ndarray | None
) -> dict[str, float]:
    """The fields of a report about `known`; none for a model without it.

    Raises:
        ExportMismatch: If only one of the two has it.
    """
    if expected is None and found is None:
        return {}
    if expected is None or found is None or expected.shape != found.shape:
        raise ExportMismatch("The file and the Keras model differ in the output known.")
    return {
        "known_difference": float(np.abs(found - expected).max()),
        "same_verdict": float(((found < REJECTED) == (expected < REJECTED)).mean()),
    }


def tolerance(format: str, logits: np.ndarray) -> float:
    """The difference that a format may have on these logits."""
    facts = get_format(format)
    largest = float(np.abs(logits).max()) if facts.relative else 1.0
    return facts.tolerance * largest


def as_numbers(rows: np.ndarray) -> list[list[float]]:
    """float32 rows as JSON takes them, without loss."""
    return [[float(f"{x:.9g}") for x in row] for row in rows]


def files_of(path: pathlib.Path) -> dict[str, pathlib.Path]:
    """The file, or all files of a folder by their path in it, in order."""
    if path.is_dir():
        files = sorted(x for x in path.rglob("*") if x.is_file())
        return {x.relative_to(path).as_posix(): x for x in files}
    return {path.name: path}


def hashes(path: pathlib.Path) -> dict[str, dict]:
    """Size and SHA-256 of the file, or of every file in the folder."""
    return {
        name: {"size": file.stat().st_size, "sha256": sha256(file)}
        for name, file in files_of(path).items()
    }


def versions(format: str) -> dict[str, str]:
    """Versions of the packages that wrote and ran a file."""
    found = {"python": platform.python_version()}
    for package in ("keras_hybrid", "keras", *get_format(format).needs):
        names = importlib.metadata.packages_distributions().get(package, [package])
        try:
            found[package] = importlib.metadata.version(names[0])
        except importlib.metadata.PackageNotFoundError:  # run from its source
            from keras_hybrid import __version__

            found[package] = __version__
    return found
