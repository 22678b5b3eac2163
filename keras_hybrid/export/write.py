"""Write an exported file, run it in its own runtime, and only then keep it."""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.export.report import ExportMismatch, Report, tolerance
from keras_hybrid.export.runtime import litert_foreign_ops, load_keras, open_runner

FILE_NAMES = {
    "saved_model": "saved_model",
    "litert": "model.tflite",
    "litert_float16": "model_float16.tflite",
}


def to_saved_model(
    model: keras.Model, path: str | pathlib.Path, images=None, overwrite: bool = False
) -> Report:
    """Exports a TensorFlow SavedModel with dynamic batch.

    Its signature takes `image`, float32 `(B, H, W, C)` as the Keras model does, and
    returns `logits` and `probabilities`. Works from every backend; TensorFlow must
    be installed.

    Args:
        model: A model of this package with its classifier.
        path: Folder to write.
        images: What to compare on, `(B, H, W, C)`; None draws 8 random images.
        overwrite: Replace what is already there.

    Returns:
        The report of the comparison with Keras.

    Raises:
        FileExistsError: If the path exists and `overwrite` is false.
        ExportMismatch: If the file computes something else; it is not kept.
    """
    return _write("saved_model", model, pathlib.Path(path), images, overwrite)


def to_litert(
    model: keras.Model,
    path: str | pathlib.Path,
    precision: str = "float32",
    images=None,
    overwrite: bool = False,
) -> Report:
    """Exports a LiteRT (TFLite) file of builtin operations, with dynamic batch.

    Args:
        model: A model of this package with its classifier.
        path: File to write.
        precision: Of the stored weights, `"float32"` or `"float16"`.
        images: What to compare on, `(B, H, W, C)`; None draws 8 random images.
        overwrite: Replace what is already there.

    Returns, raises: As `to_saved_model`.
    """
    formats = {"float32": "litert", "float16": "litert_float16"}
    if precision not in formats:
        raise ValueError(f"precision must be one of {', '.join(formats)}.")
    return _write(formats[precision], model, pathlib.Path(path), images, overwrite)


def export(
    source: pathlib.Path,
    formats: Sequence[str],
    out: pathlib.Path,
    overwrite: bool = False,
) -> list[Report]:
    """Exports a `.keras` file in several formats into the folder `out`."""
    targets = {format: out / FILE_NAMES[format] for format in formats}
    taken = [str(path) for path in targets.values() if path.exists()]
    if taken and not overwrite:
        raise FileExistsError(f"{', '.join(taken)} exists already; use --overwrite.")
    model = load_keras(source)
    out.mkdir(parents=True, exist_ok=True)
    return [
        _write(format, model, path, None, overwrite) for format, path in targets.items()
    ]


def _write(format, model, path, images, overwrite) -> Report:
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already.")
    if images is None:
        images = _random_images(model)
    expected = models.logits(model).predict(images, verbose=0).astype("float32")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
        part = pathlib.Path(folder) / path.name
        _convert(format, model, part)
        report = _compare(format, part, images, expected)
        if report.max_difference > report.tolerance:
            raise ExportMismatch(
                f"{format} of {model.name} differs from Keras by "
                f"{report.max_difference:.1e} on the logits, more than "
                f"{report.tolerance:.1e}; nothing was kept."
            )
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(part, path)
    return Report(**{**vars(report), "path": path})


def _convert(format: str, model: keras.Model, target: pathlib.Path) -> None:
    """Runs `convert` in a process whose Keras backend is TensorFlow."""
    environment = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "model.keras"
        keras.saving.save_model(model, source)
        answer = subprocess.run(
            [sys.executable, "-m", "keras_hybrid.export.convert"]
            + [format, str(source), str(target)],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if answer.returncode:
        if "No module named 'tensorflow'" in answer.stderr:
            raise ImportError(f"{format} needs: pip install 'keras_hybrid[export]'")
        last = answer.stderr.strip().splitlines()[-1]
        raise RuntimeError(f"Exporting {model.name} to {format} failed: {last}")


def _compare(format, path, images, expected) -> Report:
    run, _ = open_runner(path)
    found = run(images)["logits"]
    single = run(images[:1])["logits"]
    difference = max(
        np.abs(found - expected).max(), np.abs(single - expected[:1]).max()
    )
    times = []
    for _ in range(10):
        began = time.perf_counter()
        run(images[:1])
        times.append(time.perf_counter() - began)
    files = path.rglob("*") if path.is_dir() else [path]
    return Report(
        format=format,
        path=path,
        max_difference=float(difference),
        tolerance=tolerance(format, expected),
        top1_agreement=float((found.argmax(-1) == expected.argmax(-1)).mean()),
        size=sum(file.stat().st_size for file in files),
        foreign_ops=() if path.is_dir() else litert_foreign_ops(path),
        milliseconds=1000 * statistics.median(times),
    )


def _random_images(model: keras.Model, batch: int = 8) -> np.ndarray:
    shape = [side or 224 for side in model.input_shape[1:]]
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (batch, *shape)).astype("float32")
