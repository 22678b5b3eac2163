"""Writes the folder `golden` beside exported files: a proof that goes along.

It holds ten images, the logits that each file gives for them, the preprocessing as
data, and self-tests in Python and JavaScript that need nothing of this package.
"""

import json
import pathlib
import shutil
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_hybrid.export.check import run_in_subprocess
from keras_hybrid.export.export_report import as_numbers, tolerance
from keras_hybrid.export.formats import get_format
from keras_hybrid.export.golden import FILE, FOLDER, Golden, read_golden, wrong_answers
from keras_hybrid.utils.files import replace, sha256
from keras_hybrid.utils.rejection import KNOWN
from keras_hybrid.utils.work_folder import work_folder

TOLERANCE = 1e-3
"""Difference of a logit that passes, in files of floating-point numbers."""

SELF_TESTS = pathlib.Path(__file__).with_name("selftest")
"""The files that are copied as they are."""


Outputs = Callable[[np.ndarray], Mapping[str, np.ndarray]]


def write_pack(
    out: pathlib.Path,
    golden: Golden,
    predict: Callable[[np.ndarray], np.ndarray],
    formats: Mapping[str, pathlib.Path],
    facts: Mapping[str, Any],
    outputs: Outputs = lambda logits: {},
    batch: int | None = None,
    known: np.ndarray | None = None,
) -> None:
    """Writes the folder; expectations of earlier exports of the same model stay.

    Args:
        out: The folder of the exported files.
        golden: The images.
        predict: Keras, from inputs to logits.
        formats: The exported files by the name of their format.
        facts: The model's card with its `artefact`.
        outputs: Keras, from logits to what else the model puts out, by name.
        batch: Size of the batches that the files take; None for any.
        known: `known` of the images by Keras, `(N, 1)`, of a model that has it.
    """
    logits = predict(golden.inputs())
    answers = {"logits": logits} | ({} if known is None else {KNOWN: known})
    found = wrong_answers(golden, predict, TOLERANCE)
    for mistake in [name for name, images in found.items() if not images]:
        warnings.warn(f"The self-test of {out} cannot tell {mistake}.", stacklevel=2)
    with work_folder(out, ".export-") as temporary:
        part = temporary / FOLDER
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
        size_of_batch = {"batch": batch} if batch else {}
        content["expected"] = _earlier(out, content) | {
            path.name: _expected(format, path, golden, answers, outputs) | size_of_batch
            for format, path in formats.items()
        }
        (part / FILE).write_text(json.dumps(content, indent=1) + "\n")
        replace(part, out / FOLDER)


def _expected(
    format: str,
    path: pathlib.Path,
    golden: Golden,
    answers: Mapping[str, np.ndarray],
    outputs: Outputs,
) -> dict[str, Any]:
    """What a file answers, and how far another answer may be from it.

    A file of fewer bits gives other logits than Keras, so that its own are expected.
    Their rounding depends on the processor.
    """
    if get_format(format).relative:
        opener = get_format(format).opener
        found = run_in_subprocess(path, golden.inputs(), opener)
        answers = {name: found[name] for name in answers if name in found}
    logits = answers["logits"]
    answers = {**answers, **outputs(logits)}
    return {
        "tolerance": max(TOLERANCE, tolerance(format, logits) / 10),
        **{name: as_numbers(values) for name, values in answers.items()},
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
