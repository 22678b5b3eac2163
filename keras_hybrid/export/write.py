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
from keras_hybrid.export.export_report import (
    ExportMismatch,
    Report,
    as_numbers,
    hashes,
    versions,
)
from keras_hybrid.export.fold import fold
from keras_hybrid.export.formats import FORMATS, LITERT_WRITER, get_format
from keras_hybrid.export.input_scale import input_scale
from keras_hybrid.export.runtime import in_batches
from keras_hybrid.export.web.page_facts import page_facts
from keras_hybrid.models.graph import clone_layer
from keras_hybrid.utils.card import write_card
from keras_hybrid.utils.files import replace
from keras_hybrid.utils.rejection import KNOWN
from keras_hybrid.utils.work_folder import work_folder


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A model ready for conversion: its folded file, its outputs, its card."""

    file: pathlib.Path
    images: np.ndarray  # the reference images first, the golden ones last
    expected: np.ndarray
    known: np.ndarray | None
    facts: dict[str, Any]
    golden: int = 0

    def compared(self, format: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The images to compare a file on, and Keras' logits and `known`.

        Golden images may lie outside the ranges that a file of fewer bits was
        calibrated for, so that such a file is not judged by them.
        """
        count = len(self.images)
        if get_format(format).relative:
            count -= self.golden
        known = None if self.known is None else self.known[:count]
        return self.images[:count], self.expected[:count], known


@contextlib.contextmanager
def prepared(
    model: keras.Model,
    facts: dict[str, Any],
    images: np.ndarray | None,
    golden: np.ndarray | None = None,
    batch: int | None = None,
) -> Iterator[Prepared]:
    """Folds and saves a model, and computes the logits to compare its files with.

    Args:
        model: The model.
        facts: Its card.
        images: Images for the comparison; None draws random ones.
        golden: Golden images.
        batch: Size of the batches that the files take; None for any.

    Raises:
        ValueError: If it is no functional model, gives logits that are no numbers, or
            has not as many outputs as there are names.
    """
    folded = fold(model)
    if batch is not None:
        folded = of_batch(folded, batch)
    pixels = models.takes_pixels(model)
    shape = model.input_shape[1:]
    drawn = reference_images(shape, pixels, REFERENCE_IMAGES + 8)
    if images is not None:
        drawn = np.concatenate([drawn[:REFERENCE_IMAGES], images])
    if golden is not None:
        drawn = np.concatenate([drawn, golden])
    expected, known = keras_logits(model, drawn), keras_known(model, drawn)
    if not np.isfinite(expected).all():
        raise ValueError(
            f"{model.name} gives logits that are no numbers: its weights are damaged, "
            "or training diverged."
        )
    names = facts.get("class_names")
    if names and len(names) != expected.shape[-1]:
        raise ValueError(
            f"{model.name} has {expected.shape[-1]} classes, not {len(names)}."
        )
    reference = {
        "shape": list(shape),
        "pixels": pixels,
        "logits": as_numbers(expected[:REFERENCE_IMAGES]),
    }
    if known is not None:
        reference[KNOWN] = as_numbers(known[:REFERENCE_IMAGES])
    artefact = facts["artefact"] | {"reference": reference}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "model.keras"
        folded.save(file)
        count = 0 if golden is None else len(golden)
        facts = facts | {"artefact": artefact}
        yield Prepared(file, drawn, expected, known, facts, count)


def keras_logits(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The logits `(N, classes)` of a Keras model, float32."""
    return _output(models.logits(model), "logits", images)


def keras_known(model: keras.Model, images: np.ndarray) -> np.ndarray | None:
    """`known` `(N, 1)` of a Keras model, float32; None if it has no such output."""
    known = models.known(model)
    return None if known is None else _output(known, KNOWN, images)


def _output(model: keras.Model, name: str, images: np.ndarray) -> np.ndarray:
    def run(batch: np.ndarray) -> dict[str, np.ndarray]:
        return {name: model.predict_on_batch(batch.astype("float32"))}

    return in_batches(run, images)[name].astype("float32")


def complete(model: keras.Model, task: str | None) -> keras.Model:
    """The model with a classifier of its own, and probabilities after its logits.

    Args:
        model: Any functional classifier.
        task: What it was trained for; None means classification.

    Raises:
        ValueError: If it has no classifier.
    """
    model = models.adopt(model)
    if models.output_name(model) != "logits" or task == "regression":
        return model
    several = task == "multilabel" or model.output_shape[-1] == 1
    return models.with_probabilities(model, "sigmoid" if several else "softmax")


def of_batch(model: keras.Model, batch: int) -> keras.Model:
    """The model for batches of one size, without a dynamic length.

    Raises:
        ValueError: If `batch` is below 1, or the model takes images of any size.
    """
    if batch < 1:
        raise ValueError(f"--batch must be 1 or more, not {batch}.")
    shape = model.input_shape[1:]
    if None in shape:
        raise ValueError(
            f"--batch needs images of a fixed size, and {model.name} takes any: build "
            "it with one input_shape."
        )
    image = keras.Input(batch_shape=(batch, *shape), name="image")
    return keras.models.clone_model(
        model, input_tensors=image, clone_function=clone_layer
    )


def keras_outputs(model: keras.Model, logits: np.ndarray) -> dict[str, np.ndarray]:
    """What a Keras model makes of its logits, by name; empty if it gives these."""
    name = models.output_name(model)
    if name == "logits":
        return {}
    values = models.after_logits(model, logits.astype("float32"))
    return {name: keras.ops.convert_to_numpy(values)}


def write(
    ready: Prepared, format: str, path: pathlib.Path, options: dict[str, dict]
) -> Report:
    """Converts, compares and keeps one file and its card."""
    options = _about_the_model(ready.facts, options)
    if format == "web":
        outputs = ready.expected.shape[-1]
        options = options | {"web": {"page": page_facts(ready.facts, outputs)}}
    with work_folder(path.parent, ".export-") as folder:
        part = folder / path.name
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
    of_triton = {"name": metadata["name"], "labels": names}
    triton = {"triton": options.get("triton", {}) | of_triton}
    return options | litert | triton | {"saved_model": {"class_names": names}}


def _card(ready: Prepared, report: Report, part: pathlib.Path) -> dict[str, Any]:
    facts = dataclasses.asdict(report) | {
        "path": report.path.name,
        "versions": versions(report.format),
        "files": hashes(part),
    }
    return ready.facts | {"artefact": facts | ready.facts["artefact"]}
