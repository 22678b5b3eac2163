"""Write an exported file, run it in its own runtime, and only then keep it."""

import contextlib
import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.export.check import REFERENCE_IMAGES, compare, reference_images
from keras_hybrid.export.converter_process import convert
from keras_hybrid.export.export_report import ExportMismatch, Report, hashes, versions
from keras_hybrid.export.fold import fold
from keras_hybrid.export.runtime import in_batches
from keras_hybrid.utils.card import write_card


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A model ready for conversion: its folded file, its outputs, its card."""

    file: pathlib.Path
    images: np.ndarray  # the reference images first
    expected: np.ndarray
    facts: dict[str, Any]


@contextlib.contextmanager
def prepared(
    model: keras.Model, facts: dict[str, Any], images: np.ndarray | None
) -> Iterator[Prepared]:
    """Folds and saves a model, and computes the logits to compare its files with."""
    folded = fold(model)
    pixels = models.takes_pixels(model)
    shape = model.input_shape[1:]
    drawn = reference_images(shape, pixels, REFERENCE_IMAGES + 8)
    if images is not None:
        drawn = np.concatenate([drawn[:REFERENCE_IMAGES], images])
    logits = models.logits(model)

    def run(batch: np.ndarray) -> dict[str, np.ndarray]:
        return {"logits": logits.predict_on_batch(batch.astype("float32"))}

    expected = in_batches(run, drawn).astype("float32")
    names = facts.get("class_names")
    if names and len(names) != expected.shape[-1]:
        raise ValueError(
            f"{model.name} has {expected.shape[-1]} classes, not {len(names)}."
        )
    reference = {
        "shape": list(shape),
        "pixels": pixels,
        "logits": [[float(f"{x:.9g}") for x in y] for y in expected[:REFERENCE_IMAGES]],
    }
    artefact = facts["artefact"] | {"reference": reference}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "model.keras"
        folded.save(file)
        yield Prepared(file, drawn, expected, facts | {"artefact": artefact})


def write(
    ready: Prepared, format: str, path: pathlib.Path, options: dict[str, dict]
) -> Report:
    """Converts, compares and keeps one file and its card."""
    names = {"class_names": ready.facts.get("class_names") or []}
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
        part = pathlib.Path(folder) / path.name
        convert(format, ready.file, part, options | {"saved_model": names})
        try:
            report = compare(format, part, ready.images, ready.expected)
        except ExportMismatch as error:
            message = str(error).replace(str(part), f"{format} for {path}")
            message = f"{message} Nothing was kept."
            raise ExportMismatch(message, error.report) from error
        report = dataclasses.replace(report, path=path)
        card = part.with_name(f"{path.name}.card.json")
        write_card(_card(ready, report, part), card)
        _replace(part, path)
        _replace(card, path.with_name(card.name))
    return report


def _card(ready: Prepared, report: Report, part: pathlib.Path) -> dict[str, Any]:
    facts = dataclasses.asdict(report) | {
        "path": report.path.name,
        "versions": versions(report.format),
        "files": hashes(part),
    }
    return ready.facts | {"artefact": facts | ready.facts["artefact"]}


def _replace(part: pathlib.Path, path: pathlib.Path) -> None:
    """Puts a finished file or folder in its place; what was there goes last."""
    if not path.is_dir():
        os.replace(part, path)
        return
    former = part.with_name(f"{part.name}.former")
    os.rename(path, former)
    try:
        os.rename(part, path)
    except OSError:
        os.rename(former, path)
        raise
