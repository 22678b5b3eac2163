"""Write an exported file, run it in its own runtime, and only then keep it."""

import contextlib
import dataclasses
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.export.check import REFERENCE_IMAGES, compare, reference_images
from keras_hybrid.export.converter_process import convert
from keras_hybrid.export.export_report import ExportMismatch, Report, hashes, versions
from keras_hybrid.export.fold import fold
from keras_hybrid.export.formats import FORMATS, LITERT_WRITER, get_format
from keras_hybrid.export.input_scale import input_scale
from keras_hybrid.export.runtime import in_batches
from keras_hybrid.utils.card import write_card
from keras_hybrid.utils.files import replace


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A model ready for conversion: its folded file, its outputs, its card."""

    file: pathlib.Path
    images: np.ndarray  # the reference images first, the golden ones last
    expected: np.ndarray
    facts: dict[str, Any]
    golden: int = 0

    def compared(self, format: str) -> tuple[np.ndarray, np.ndarray]:
        """The images to compare a file on, and Keras' logits.

        Golden images may lie outside the ranges that a file of fewer bits was
        calibrated for, so that such a file is not judged by them.
        """
        count = len(self.images)
        if get_format(format).relative:
            count -= self.golden
        return self.images[:count], self.expected[:count]


@contextlib.contextmanager
def prepared(
    model: keras.Model,
    facts: dict[str, Any],
    images: np.ndarray | None,
    golden: np.ndarray | None = None,
) -> Iterator[Prepared]:
    """Folds and saves a model, and computes the logits to compare its files with."""
    folded = fold(model)
    pixels = models.takes_pixels(model)
    shape = model.input_shape[1:]
    drawn = reference_images(shape, pixels, REFERENCE_IMAGES + 8)
    if images is not None:
        drawn = np.concatenate([drawn[:REFERENCE_IMAGES], images])
    if golden is not None:
        drawn = np.concatenate([drawn, golden])
    expected = keras_logits(model, drawn)
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
        count = 0 if golden is None else len(golden)
        yield Prepared(file, drawn, expected, facts | {"artefact": artefact}, count)


def keras_logits(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The logits `(N, classes)` of a Keras model, float32."""
    logits = models.logits(model)

    def run(batch: np.ndarray) -> dict[str, np.ndarray]:
        return {"logits": logits.predict_on_batch(batch.astype("float32"))}

    return in_batches(run, images).astype("float32")


def write(
    ready: Prepared, format: str, path: pathlib.Path, options: dict[str, dict]
) -> Report:
    """Converts, compares and keeps one file and its card."""
    options = _about_the_model(ready.facts, options)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
        part = pathlib.Path(folder) / path.name
        convert(format, ready.file, part, options)
        try:
            report = compare(format, part, *ready.compared(format))
        except ExportMismatch as error:
            message = str(error).replace(str(part), f"{format} for {path}")
            message = f"{message} Nothing was kept."
            raise ExportMismatch(message, error.report) from error
        report = dataclasses.replace(report, path=path)
        card = part.with_name(f"{path.name}.card.json")
        write_card(_card(ready, report, part), card)
        replace(part, path)
        replace(card, path.with_name(card.name))
    return report


def _about_the_model(
    facts: Mapping[str, Any], options: dict[str, dict]
) -> dict[str, dict]:
    """The options of the writers, with what a file says of its model."""
    names = facts.get("class_names") or []
    reference = facts["artefact"]["reference"]
    scale = input_scale(facts, reference["pixels"], reference["shape"][-1])
    metadata = {"name": facts.get("model", "model"), "labels": names} | (scale or {})
    litert = {
        name: options.get(name, {}) | {"metadata": metadata}
        for name, format in FORMATS.items()
        if format.writer == LITERT_WRITER
    }
    return options | litert | {"saved_model": {"class_names": names}}


def _card(ready: Prepared, report: Report, part: pathlib.Path) -> dict[str, Any]:
    facts = dataclasses.asdict(report) | {
        "path": report.path.name,
        "versions": versions(report.format),
        "files": hashes(part),
    }
    return ready.facts | {"artefact": facts | ready.facts["artefact"]}
