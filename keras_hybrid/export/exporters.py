"""Exports a model: one function per format, and `export` for several formats."""

import functools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.export.export_report import Report
from keras_hybrid.export.formats import SERVERS, require
from keras_hybrid.export.golden import Kind, make_golden
from keras_hybrid.export.model_card import read_card
from keras_hybrid.export.onnx_versions import check_opset
from keras_hybrid.export.runtime import image_shape
from keras_hybrid.export.ship_pack import write_pack
from keras_hybrid.export.write import (
    complete,
    keras_known,
    keras_logits,
    keras_outputs,
    prepared,
    write,
)
from keras_hybrid.models.keras_file import load_keras
from keras_hybrid.utils.files import sha256

_PRECISIONS = {
    "float32": "litert",
    "float16": "litert_float16",
    "dynamic": "litert_dynamic",
    "int8": "litert_int8",
}

WITHOUT_RULE = ("litert_int8",)
"""Formats whose files have no rule for unknown images."""


def to_saved_model(
    model: keras.Model,
    path: str | pathlib.Path,
    class_names: Sequence[str] = (),
    images: np.ndarray | None = None,
    overwrite: bool = False,
) -> Report:
    """Exports a TensorFlow SavedModel with dynamic batch.

    Its signatures `serving_default` and `serving_uint8` take `image`, `(B, H, W, C)`
    as the Keras model does, in float32 and in uint8, and return `logits` and
    `probabilities`, or `values` of a model for numbers, and `known` of a model with a
    rule for unknown images. The names of the classes are in
    `assets/class_names.txt`.

    Like all exports it works on every backend: a child process with the backend of the
    format writes the file, and another child process runs it in its runtime.
    A card `NAME.card.json` beside it records the comparison, for `verify`.

    Args:
        model: A model of this package with its classifier.
        path: Folder to write.
        class_names: One name per class.
        images: Images for the comparison, `(N, H, W, C)`; None draws 8 random ones.
        overwrite: Replace existing files.

    Returns:
        The report of the comparison with Keras.

    Raises:
        FileExistsError: If the path exists and `overwrite` is false.
        ImportError: If a package is missing; it names the extra to install.
        ExportMismatch: If the outputs of the file differ; the file is not kept.
    """
    return _export_one("saved_model", model, path, class_names, images, overwrite)


def to_litert(
    model: keras.Model,
    path: str | pathlib.Path,
    precision: str = "float32",
    class_names: Sequence[str] = (),
    images: np.ndarray | None = None,
    calibration: np.ndarray | None = None,
    integers_only: bool = False,
    overwrite: bool = False,
    batch: int | None = None,
) -> Report:
    """Exports a LiteRT (TFLite) file of builtin operations.

    Args:
        model: A model of this package with its classifier.
        path: File to write, which ends in `.tflite`.
        precision: `"float32"`; `"float16"` or `"dynamic"` (int8) for the stored
            weights alone; `"int8"` for dense layers with their inputs and outputs.
        class_names: One name per class.
        images: Images for the comparison, `(N, H, W, C)`; None draws 8 random ones.
        calibration: For `"int8"`: a few hundred representative images, which set the
            ranges of the activations.
        integers_only: For `"int8"`: whether everything is int8, input and output
            uint8. It fits devices without floats; a class token and small tokens lose
            what distinguishes them.
        overwrite: Replace existing files.
        batch: Size of the batches that the file takes, for devices that plan memory
            ahead; None for any. For `"int8"` it is 1.

    Returns, raises: As `to_saved_model`.
    """
    if precision not in _PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}.")
    options = _int8(calibration, integers_only)
    format = _PRECISIONS[precision]
    return _export_one(
        format, model, path, class_names, images, overwrite, options, batch
    )


def to_onnx(
    model: keras.Model,
    path: str | pathlib.Path,
    class_names: Sequence[str] = (),
    images: np.ndarray | None = None,
    overwrite: bool = False,
    opset: int | None = None,
    batch: int | None = None,
) -> Report:
    """Exports an ONNX file of the standard operations.

    Args:
        opset: Version of the operations, 17 to 23; None means 18, which runtimes since
            2023 read. The IR version is the lowest one that has it.
        batch: Size of the batches that the file takes; None for any.

    Other arguments, returns, raises: As `to_saved_model`; the path ends in `.onnx`.
    """
    options = _onnx(opset)
    return _export_one(
        "onnx", model, path, class_names, images, overwrite, options, batch
    )


def to_openvino(
    model: keras.Model,
    path: str | pathlib.Path,
    class_names: Sequence[str] = (),
    images: np.ndarray | None = None,
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
    images: np.ndarray | None = None,
    calibration: np.ndarray | None = None,
    integers_only: bool = False,
    tta: str | None = None,
    golden: Kind = "real",
    progress: Callable[[Report], Any] = lambda report: None,
    opset: int | None = None,
    batch: int | None = None,
    version: int = 1,
) -> list[Report]:
    """Exports a `.keras` file in several formats into the folder `out`.

    Every card includes the model's card: class names, metrics, recipe. The folder
    `golden` in `out` proves the files and their preprocessing elsewhere: ten images,
    the expected logits, and self-tests in Python and JavaScript.

    Args:
        source: The file.
        formats: Names of formats.
        out: The folder, made if it is not there.
        overwrite: Replace existing files.
        images, calibration, integers_only: As `to_litert`.
        tta: Views over which the files average, see `models.average_views`, or
            `"none"`; None means the setting in the model's card.
        golden: Images of the folder `golden`: `"real"` takes five of ten from the test
            images of a run on a folder, if they are here; `"generated"` takes none, and
            `"none"` writes no such folder.
        progress: Called with each report as soon as its file is there.
        opset: As `to_onnx`, of the ONNX file.
        batch: As `to_litert`, of all files.
        version: Number of the version in the folders of model servers.

    Returns:
        One report per format.

    Raises: As `to_saved_model`, before anything is written if that is possible.
    """
    targets = {format: out / require(format).file_name for format in formats}
    options = _int8(calibration, integers_only) | _onnx(opset) | _servers(version)
    for format, path in targets.items():
        _check(format, path, overwrite, options, batch)
    model = load_keras(source)
    image_shape(source, model.input_shape)  # or ValueError
    facts = read_card(source) | {
        "artefact": {"source": {"name": source.name, "sha256": sha256(source)}}
    }
    model = complete(model, facts.get("task"))
    tta = facts["tta"] = tta or facts.get("tta", "none")
    if tta != "none":
        model = models.average_views(model, tta)
    shape, pixels = model.input_shape[1:], models.takes_pixels(model)
    pack = make_golden(source.parent, facts, shape, pixels, golden)
    inputs = pack.inputs() if pack else None
    reports = {}
    for part, names in _by_rule(model, targets):
        with prepared(part, facts, images, inputs, batch) as ready:
            out.mkdir(parents=True, exist_ok=True)
            for format in names:
                reports[format] = write(ready, format, targets[format], options)
                progress(reports[format])
    if pack:
        predict = functools.partial(keras_logits, model)
        outputs = functools.partial(keras_outputs, model)
        known = keras_known(model, pack.inputs())
        write_pack(out, pack, predict, targets, facts, outputs, batch, known)
    return [reports[format] for format in targets]


def _by_rule(
    model: keras.Model, formats: Iterable[str]
) -> Iterator[tuple[keras.Model, list[str]]]:
    """The formats whose files have the model's rule for unknown images, and the rest.

    Beside the rule, the int8 converter rounds the logits much more coarsely.
    """
    if models.familiarity(model) is None:
        yield model, list(formats)
        return
    for without in (False, True):
        names = [x for x in formats if (x in WITHOUT_RULE) == without]
        if names:
            yield models.without_familiarity(model) if without else model, names


def _int8(calibration: np.ndarray | None, integers_only: bool) -> dict[str, dict]:
    return {"litert_int8": {"calibration": calibration, "integers_only": integers_only}}


def _onnx(opset: int | None) -> dict[str, dict]:
    check_opset(opset)
    return {} if opset is None else {"onnx": {"opset": opset}}


def _servers(version: int) -> dict[str, dict]:
    if version < 1:
        raise ValueError(f"--model-version must be 1 or more, not {version}.")
    return {name: {"version": version} for name in SERVERS}


def _export_one(
    format: str,
    model: keras.Model,
    target: str | pathlib.Path,
    class_names: Sequence[str],
    images: np.ndarray | None,
    overwrite: bool,
    options: dict[str, dict] | None = None,
    batch: int | None = None,
) -> Report:
    path = pathlib.Path(target)
    options = options or {}
    _check(format, path, overwrite, options, batch)
    facts = {
        "model": model.name,
        "class_names": list(class_names),
        "artefact": {"source": None},
    }
    model = complete(models.in_float32(model), None)
    ((model, _),) = _by_rule(model, [format])
    with prepared(model, facts, images, batch=batch) as ready:
        return write(ready, format, path, options)


def _check(
    format: str,
    path: pathlib.Path,
    overwrite: bool,
    options: dict[str, dict],
    batch: int | None,
) -> None:
    """Checks the arguments before anything is written."""
    suffix = pathlib.Path(require(format).file_name).suffix
    if path.suffix != suffix and (suffix or path.suffix in (".tflite", ".onnx")):
        raise ValueError(f"The path of {format} must end in {suffix!r}: {path}.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; use --overwrite.")
    if format in ("web", "triton") and batch is not None:
        raise ValueError(
            f"--batch is not for {format}, which takes batches of any size."
        )
    if format == "litert_int8" and batch not in (None, 1):
        raise ValueError(f"--batch of litert_int8 must be 1, not {batch}.")
    if format == "litert_int8" and options.get(format, {}).get("calibration") is None:
        raise ValueError(
            "litert_int8 needs representative calibration images: give "
            "--calibration, a folder or a .npz file (calibration= in Python)."
        )
