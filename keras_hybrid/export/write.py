"""Write an exported file, run it in its own runtime, and only then keep it."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.export.check import REFERENCE_IMAGES, compare, reference_images
from keras_hybrid.export.classify import read_card
from keras_hybrid.export.fold import fold
from keras_hybrid.export.formats import FORMATS, require
from keras_hybrid.export.keras_file import load_keras
from keras_hybrid.export.report import ExportMismatch, Report, hashes, sha256, versions
from keras_hybrid.export.runtime import image_shape, in_batches

_PRECISIONS = {
    "float32": "litert",
    "float16": "litert_float16",
    "dynamic": "litert_dynamic",
    "int8": "litert_int8",
}


def to_saved_model(
    model: keras.Model,
    path: str | pathlib.Path,
    class_names: Sequence[str] = (),
    images=None,
    overwrite: bool = False,
) -> Report:
    """Exports a TensorFlow SavedModel with dynamic batch.

    Its signatures `serving_default` and `serving_uint8` take `image`, `(B, H, W, C)`
    as the Keras model does, in float32 and in uint8, and return `logits` and
    `probabilities`. The names of the classes are in `assets/class_names.txt`.

    Works from every backend, as all exports do: the file is written by another
    process on the backend that is good at it, and run by a third on its own runtime.
    A card `NAME.card.json` beside it keeps what was measured, for `verify`.

    Args:
        model: A model of this package with its classifier.
        path: Folder to write.
        class_names: A name a class.
        images: What to compare on, `(N, H, W, C)`; None draws 8 random images.
        overwrite: Replace what is already there.

    Returns:
        The report of the comparison with Keras.

    Raises:
        FileExistsError: If the path exists and `overwrite` is false.
        ImportError: If a package is missing; it names the extra to install.
        ExportMismatch: If the file computes something else; it is not kept.
    """
    return _export_one("saved_model", model, path, class_names, images, overwrite)


def to_litert(
    model: keras.Model,
    path: str | pathlib.Path,
    precision: str = "float32",
    class_names: Sequence[str] = (),
    images=None,
    calibration=None,
    integers_only: bool = False,
    overwrite: bool = False,
) -> Report:
    """Exports a LiteRT (TFLite) file of builtin operations, with dynamic batch.

    Args:
        model: A model of this package with its classifier.
        path: File to write, which ends in `.tflite`.
        precision: `"float32"`; `"float16"` or `"dynamic"` (int8) for the stored
            weights alone; `"int8"` for all that is multiplied.
        class_names: A name a class.
        images: What to compare on, `(N, H, W, C)`; None draws 8 random images.
        calibration: For `"int8"`: a few hundred images like those to come, which
            set the ranges of the activations.
        integers_only: For `"int8"`: whether sums and norms are int8, too, and input
            and output uint8. It fits devices without floats; a class token and small
            tokens lose what distinguishes them.
        overwrite: Replace what is already there.

    Returns, raises: As `to_saved_model`.
    """
    if precision not in _PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}.")
    options = {"calibration": calibration, "integers_only": integers_only}
    return _export_one(
        _PRECISIONS[precision], model, path, class_names, images, overwrite, options
    )


def to_onnx(
    model: keras.Model,
    path: str | pathlib.Path,
    class_names: Sequence[str] = (),
    images=None,
    overwrite: bool = False,
) -> Report:
    """Exports an ONNX file with dynamic batch, of the standard operations.

    Args, returns, raises: As `to_saved_model`; the path ends in `.onnx`.
    """
    return _export_one("onnx", model, path, class_names, images, overwrite)


def to_openvino(
    model: keras.Model,
    path: str | pathlib.Path,
    class_names: Sequence[str] = (),
    images=None,
    overwrite: bool = False,
) -> Report:
    """Exports an OpenVINO folder, `model.xml` and `model.bin`, with dynamic batch.

    Args, returns, raises: As `to_saved_model`.
    """
    return _export_one("openvino", model, path, class_names, images, overwrite)


def export(
    source: pathlib.Path,
    formats: Sequence[str],
    out: pathlib.Path,
    overwrite: bool = False,
    images=None,
    calibration=None,
    integers_only: bool = False,
) -> list[Report]:
    """Exports a `.keras` file in several formats into the folder `out`.

    Every card begins with what the model's own says: class names, metrics, recipe.

    Args:
        source: The file.
        formats: Names of `FORMATS`.
        out: The folder, made if it is not there.
        overwrite: Replace what is already there.
        images, calibration, integers_only: As `to_litert`.

    Returns:
        A report a format.

    Raises: As `to_saved_model`, before anything is written if that is possible.
    """
    targets = {format: out / require(format).file_name for format in formats}
    options = {"calibration": calibration, "integers_only": integers_only}
    for format, path in targets.items():
        _check(format, path, overwrite, options)
    model = load_keras(source)
    image_shape(source, model.input_shape)  # or ValueError
    facts = read_card(source) | {
        "artefact": {"source": {"name": source.name, "sha256": sha256(source)}}
    }
    out.mkdir(parents=True, exist_ok=True)
    with prepared(model, facts, images) as ready:
        return [write(ready, format, path, options) for format, path in targets.items()]


def _export_one(format, model, path, class_names, images, overwrite, options=None):
    path = pathlib.Path(path)
    options = options or {}
    _check(format, path, overwrite, options)
    facts = {
        "model": model.name,
        "class_names": list(class_names),
        "artefact": {"source": None},
    }
    with prepared(model, facts, images) as ready:
        return write(ready, format, path, options)


def _check(format, path, overwrite, options):
    """Refuses what cannot go well before anything is done."""
    suffix = pathlib.Path(require(format).file_name).suffix
    if path.suffix != suffix and (suffix or path.suffix in (".tflite", ".onnx")):
        raise ValueError(f"The path of {format} must end in {suffix!r}: {path}.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; use --overwrite.")
    if format == "litert_int8" and options.get("calibration") is None:
        raise ValueError(
            "litert_int8 needs calibration images like those to come: give "
            "--calibration, a folder or a .npz file (calibration= in Python)."
        )


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A model on its way out: its folded file, what it answers, what its card says."""

    file: pathlib.Path
    images: np.ndarray  # the reference images first
    expected: np.ndarray
    facts: dict[str, Any]


@contextlib.contextmanager
def prepared(model: keras.Model, facts: dict, images) -> Iterator[Prepared]:
    """Folds and saves a model, and asks it what its files will have to answer."""
    pixels = any(layer.name == "preprocessing" for layer in model.layers)
    shape = model.input_shape[1:]
    drawn = reference_images(shape, pixels, REFERENCE_IMAGES + 8)
    if images is not None:
        drawn = np.concatenate([drawn[:REFERENCE_IMAGES], images])
    logits = models.logits(model)

    def run(batch):
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
        fold(model).save(file)
        yield Prepared(file, drawn, expected, facts | {"artefact": artefact})


def write(ready: Prepared, format: str, path: pathlib.Path, options) -> Report:
    """Converts, compares and keeps one file and its card."""
    options = {name: x for name, x in options.items() if format == "litert_int8"}
    if format == "saved_model":
        options["class_names"] = ready.facts.get("class_names") or []
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
        part = pathlib.Path(folder) / path.name
        convert(format, ready.file, part, options)
        try:
            report = compare(format, part, ready.images, ready.expected)
        except ExportMismatch as error:
            message = str(error).replace(str(part), f"{format} for {path}")
            message = f"{message} Nothing was kept."
            raise ExportMismatch(message, error.report) from error
        report = dataclasses.replace(report, path=path)
        card = part.with_name(f"{path.name}.card.json")
        card.write_text(json.dumps(_card(ready, report, part), indent=2) + "\n")
        _replace(part, path)
        _replace(card, path.with_name(card.name))
    return report


def _card(ready, report, part) -> dict:
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


def convert(format: str, source: pathlib.Path, target: pathlib.Path, options) -> None:
    """Runs `convert` in a process of the format's Keras backend."""
    with tempfile.TemporaryDirectory() as folder:
        if options.get("calibration") is not None:
            file = pathlib.Path(folder) / "calibration.npy"
            np.save(file, options["calibration"])
            options = options | {"calibration": str(file)}
        answer = subprocess.run(
            [sys.executable, "-m", "keras_hybrid.export.convert"]
            + [format, str(source), str(target), json.dumps(options)],
            env=os.environ
            | {"KERAS_BACKEND": FORMATS[format].backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
    if answer.returncode:
        last = answer.stderr.strip().splitlines()[-1]
        raise RuntimeError(f"Exporting to {format} failed: {last}")
