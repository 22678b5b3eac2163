"""Writes the folder `golden` beside exported files: a proof that goes along.

It holds ten images, the logits that each file gives for them, the preprocessing as
data, and self-tests in Python and JavaScript that need nothing of this package.
"""

import json
import pathlib
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_hybrid.export.check import run_in_subprocess
from keras_hybrid.export.export_report import tolerance
from keras_hybrid.export.formats import get_format
from keras_hybrid.export.golden import FILE, FOLDER, Golden, read_golden, wrong_answers
from keras_hybrid.utils.files import replace, sha256

TOLERANCE = 1e-3
"""Difference of a logit that passes, in files of floating-point numbers."""

SELF_TESTS = pathlib.Path(__file__).with_name("selftest")
"""The files that are copied as they are."""


def write_pack(
    out: pathlib.Path,
    golden: Golden,
    predict: Callable[[np.ndarray], np.ndarray],
    formats: Mapping[str, pathlib.Path],
    facts: Mapping[str, Any],
) -> None:
    """Writes the folder; expectations of earlier exports of the same model stay.

    Args:
        out: The folder of the exported files.
        golden: The images.
        predict: Keras, from inputs to logits.
        formats: The exported files by the name of their format.
        facts: The model's card with its `artefact`.
    """
    logits = predict(golden.inputs())
    found = wrong_answers(golden, predict, TOLERANCE)
    for mistake in [name for name, images in found.items() if not images]:
        warnings.warn(f"The self-test of {out} cannot tell {mistake}.", stacklevel=2)
    with tempfile.TemporaryDirectory(dir=out, prefix=".export-") as temporary:
        part = pathlib.Path(temporary) / FOLDER
        shutil.copytree(SELF_TESTS, part, ignore=shutil.ignore_patterns("__*__"))
        images = []
        for i, image in enumerate(golden.images):
            file = part / f"{i}.png"
            image.save(file)
            kind = "test image" if i < golden.real else "generated"
            images.append({"file": file.name, "sha256": sha256(file), "kind": kind})
        height, width, channels = golden.shape
        size = {"height": height, "width": width, "channels": channels}
        content = {
            "model": facts.get("model"),
            "source": facts["artefact"]["source"],
            "classes": facts.get("class_names") or [],
            "input": size | dict(golden.scale),
            "preprocessing": dict(golden.preprocessing),
            "images": images,
            "expected": {},
            "images_that_betray": found,
        }
        content["expected"] = _earlier(out, content) | {
            path.name: _expected(format, path, golden, logits)
            for format, path in formats.items()
        }
        (part / FILE).write_text(json.dumps(content, indent=1) + "\n")
        replace(part, out / FOLDER)


def _expected(
    format: str, path: pathlib.Path, golden: Golden, logits: np.ndarray
) -> dict[str, Any]:
    """What a file answers, and how far another answer may be from it.

    A file of fewer bits gives other logits than Keras, so that its own are expected.
    Their rounding depends on the processor.
    """
    if get_format(format).relative:
        opener = get_format(format).opener
        logits = run_in_subprocess(path, golden.inputs(), opener)["logits"]
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return {
        "tolerance": max(TOLERANCE, tolerance(format, logits) / 10),
        "logits": _numbers(logits),
        "probabilities": _numbers(odds / odds.sum(-1, keepdims=True)),
    }


def _earlier(out: pathlib.Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Expectations of files that are there, of the same model and the same images."""
    try:
        known = read_golden(out) or {}
    except ValueError:
        return {}
    same = ("source", "images", "input", "preprocessing")
    if any(known.get(key) != content[key] for key in same):
        return {}
    return {name: x for name, x in known["expected"].items() if (out / name).exists()}


def _numbers(values: np.ndarray) -> list[list[float]]:
    return [[float(f"{x:.9g}") for x in row] for row in values]
