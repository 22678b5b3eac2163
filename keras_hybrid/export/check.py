"""Compares exported files with Keras; each runs in its runtime in a child process."""

import pathlib
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_hybrid.export import runtime
from keras_hybrid.export.check_saved_model import check_saved_model
from keras_hybrid.export.export_report import (
    KNOWN_TOLERANCE,
    ExportMismatch,
    Report,
    compare_known,
    files_of,
    tolerance,
)
from keras_hybrid.export.formats import get_format
from keras_hybrid.export.golden import golden_inputs, read_golden
from keras_hybrid.utils.card import read_card
from keras_hybrid.utils.card_fields import check_fields
from keras_hybrid.utils.files import sha256
from keras_hybrid.utils.rejection import KNOWN
from keras_hybrid.utils.subprocesses import ChildProcessFailed, run_file

REFERENCE_IMAGES = 2
_SEED = 0


def reference_images(
    shape: tuple[int | None, ...], pixels: bool, count: int
) -> np.ndarray:
    """The random images `(count, H, W, C)` that a card's logits belong to.

    Args:
        shape: The model's input; 224 stands for a dynamic height or width.
        pixels: Whether the model takes pixels: uint8; else N(0, 1), float32.
        count: How many; the first ones do not depend on it.
    """
    drawn = (count, *(side or 224 for side in shape))
    rng = np.random.default_rng(_SEED)
    if pixels:
        return rng.integers(0, 256, drawn, dtype="uint8")
    return rng.normal(size=drawn).astype("float32")


def run_in_subprocess(
    path: pathlib.Path, images: np.ndarray, opener: str = ""
) -> dict[str, np.ndarray]:
    """The outputs of a file in a process that imports nothing but its runtime.

    Args:
        path: The exported file or folder.
        images: `(N, H, W, C)`.
        opener: `Format.opener`.

    Returns:
        `logits`, and `known` if there is one, of all images, the logits of the first
        image alone as `single`,
        `milliseconds` per image, `custom_ops`.

    Raises:
        ValueError: If the file cannot be opened or run.
        ImportError: If its runtime is missing.
    """
    check_saved_model(path)
    with tempfile.TemporaryDirectory() as folder:
        pixels, outputs = (pathlib.Path(folder) / x for x in ("in.npy", "out.npz"))
        np.save(pixels, images)
        try:
            arguments = [str(path), str(pixels), str(outputs), opener]
            # TensorFlow imports Keras, which would import another backend beside it
            own = {"TMPDIR": folder}
            run_file(runtime.__file__, arguments, "tensorflow", own)
        except ChildProcessFailed as error:
            kind, _, message = str(error).partition(": ")
            if error.status < 0 or not message:
                raise ValueError(f"{path} cannot be run: {error}") from error
            if kind == "ImportError":
                raise ImportError(message) from error
            raise ValueError(message) from error
        with np.load(outputs) as file:
            return dict(file)


def compare(
    format: str,
    path: pathlib.Path,
    images: np.ndarray,
    expected: np.ndarray,
    known: np.ndarray | None = None,
) -> Report:
    """Runs a file on images and compares with Keras' logits, and with `known`.

    A file of fewer bits may give other values of `known`.

    Raises:
        ExportMismatch: If they differ by more than the format's tolerance.
    """
    outputs = run_in_subprocess(path, images, get_format(format).opener)
    found = outputs["logits"]
    if found.shape != expected.shape:
        raise ExportMismatch(
            f"{path} gives logits of shape {found.shape}, Keras {expected.shape}."
        )
    difference = max(
        np.abs(found - expected).max(), np.abs(outputs["single"] - expected[:1]).max()
    )
    agreement = None
    if expected.shape[-1] > 1:
        agreement = float((found.argmax(-1) == expected.argmax(-1)).mean())
    report = Report(
        format=format,
        path=path,
        images=len(images),
        max_difference=float(difference),
        tolerance=tolerance(format, expected),
        top1_agreement=agreement,
        size=sum(file.stat().st_size for file in files_of(path).values()),
        custom_ops=tuple(map(str, outputs["custom_ops"])),
        milliseconds=float(outputs["milliseconds"]),
        **compare_known(known, outputs.get(KNOWN)),
    )
    if not report.max_difference <= report.tolerance:  # not a number is a mismatch
        raise ExportMismatch(
            f"{path} differs from Keras by {report.max_difference:.1e} on the logits, "
            f"more than {report.tolerance:.1e}.",
            report,
        )
    difference = report.known_difference or 0.0
    if not get_format(format).relative and not difference <= KNOWN_TOLERANCE:
        raise ExportMismatch(
            f"{path} differs from Keras by {difference:.1e} on {KNOWN}, more than "
            f"{KNOWN_TOLERANCE:.1e}.",
            report,
        )
    return report


def verify(
    path: str | pathlib.Path, progress: Callable[[Report], Any] = lambda report: None
) -> list[Report]:
    """Verifies exported files again, by the cards beside them; Keras is not needed.

    Args:
        path: A folder with exported files, or one exported file or folder.
        progress: Called with each report as soon as it is there.

    Returns:
        A report of each, on the random images whose logits its card keeps, and on the
        images in the folder `golden` beside it.

    Raises:
        FileNotFoundError: If there is no exported file with a card, or it is gone.
        ValueError: If a file or a golden image is not the one that was exported:
            changed, cut short, renamed; or its card is damaged.
        ExportMismatch: If it computes something else than it did.
    """
    path = pathlib.Path(path)
    own = path.with_name(f"{path.name}.card.json")
    cards = [own] if own.exists() else sorted(path.glob("*.card.json"))
    found = [(card, facts) for card in cards if (facts := _artefact(card))]
    if not found:
        raise FileNotFoundError(f"There is no exported file with a card at {path}.")
    reports = []
    for card, facts in found:
        reports.append(_verify(card, facts))
        progress(reports[-1])
    return reports


def _artefact(place: pathlib.Path) -> dict[str, Any] | None:
    """The part of a card about an exported file; None in the card of a .keras file."""
    try:
        card = read_card(place)
        check_fields(card, place)
        facts = card.get("artefact")
    except ValueError as error:
        raise ValueError(f"{error}; export again.") from error
    try:
        if facts:
            for name in {"logits", KNOWN} & facts["reference"].keys():
                facts["reference"][name] = np.array(facts["reference"][name], "float32")
            facts["files"], facts["source"], get_format(facts["format"])
        return facts
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{place} is damaged: {error}; export again.") from error


def _verify(place: pathlib.Path, facts: dict) -> Report:
    path = place.with_name(place.name.removesuffix(".card.json"))
    if not path.exists():
        raise FileNotFoundError(f"{place} is there, but {path} is gone.")
    _check_files(path, facts["files"])
    _check_source(path, facts["source"])
    reference = facts["reference"]
    expected, expected_known = reference["logits"], reference.get(KNOWN)
    images = reference_images(reference["shape"], reference["pixels"], len(expected))
    if known := _golden_of(path, facts["source"]):
        golden = golden_inputs(path.parent, read_card(place), known)
        images = np.concatenate([images, golden])
        answers = known["expected"][path.name]
        logits = np.array(answers["logits"], "float32")
        expected = np.concatenate([expected, logits])
        if expected_known is not None:
            more = np.array(answers[KNOWN], "float32")
            expected_known = np.concatenate([expected_known, more])
    return compare(facts["format"], path, images, expected, expected_known)


def _golden_of(
    path: pathlib.Path, source: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """`golden.json` beside an exported file, if it expects something of it."""
    known = read_golden(path.parent)
    if not known or known["source"] != source or path.name not in known["expected"]:
        return None
    return known


def _check_files(path: pathlib.Path, known: Mapping[str, Any]) -> None:
    files = files_of(path)
    for name in known.keys() | files.keys():
        where = path / name if path.is_dir() else path
        if name not in files:
            raise ValueError(f"{where} is missing; export again.")
        if name not in known:
            raise ValueError(f"{where} was not there when {path} was exported.")
        size = files[name].stat().st_size
        if size != known[name]["size"]:
            raise ValueError(
                f"{where} has {size} bytes, {known[name]['size']} were exported: it "
                "was truncated or replaced; export again."
            )
        if sha256(files[name]) != known[name]["sha256"]:
            raise ValueError(f"{where} was changed since its export; export again.")


def _check_source(path: pathlib.Path, source: Mapping[str, Any] | None) -> None:
    """The model that the file came from, if it is still beside it, is the same."""
    if not source:
        return
    model = path.parent / source["name"]
    if model.is_file() and sha256(model) != source["sha256"]:
        raise ValueError(
            f"{model} is not the model any more that {path.name} was exported from; "
            "export again."
        )
