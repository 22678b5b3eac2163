"""Operations, bytes and time of exported files before and after folding.

Operations are counted in the file. Runtimes may fold more of them when they load it.
The Keras model itself is measured, too, as `predict` runs it: there layers are counted,
and bytes of weights.
"""

import functools
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from benchmarks.harness import Row, interleave, timed, write
from benchmarks.random_weights import randomised
from keras_hybrid import models
from keras_hybrid.export.converter_process import convert
from keras_hybrid.export.fold import fold
from keras_hybrid.export.formats import FORMATS, require
from keras_hybrid.export.optimize import optimize_for_inference
from keras_hybrid.export.runtime import open_exported

KERAS = "keras"
VARIANTS = ("atc3", "convit_tiny", "ceit_tiny", "cvt13", "coatnet0", "astroformer0")


def measure_keras(name: str, batch_size: int, rounds: int) -> list[Row]:
    """Compares the outputs of a Keras model and of the optimized one; times both."""
    model = randomised(models.get(name).builder())
    candidates = {"plain": model, "folded": optimize_for_inference(model)}
    images = _images(model, batch_size).astype("float32")
    calls = [functools.partial(x.predict_on_batch, images) for x in candidates.values()]
    plain, folded = (call() for call in calls)
    np.testing.assert_allclose(folded, plain, atol=1e-5)
    facts = [
        {
            "operations": len(x.layers),
            "size": 4 * x.count_params(),
        }
        for x in candidates.values()
    ]
    names = [f"{keras.backend.backend()}, {part}" for part in candidates]
    return _rows(name, names, batch_size, calls, facts, rounds)


def measure(name: str, format: str, batch_size: int, rounds: int) -> list[Row]:
    """Writes both files, compares their outputs and times them in turns."""
    model = randomised(models.get(name).builder())
    images = _images(model, batch_size)
    require(format)
    with tempfile.TemporaryDirectory() as folder:
        paths, runs = [], []
        candidates = {"plain": model, "folded": fold(model)}
        for part, candidate in candidates.items():
            source = pathlib.Path(folder) / f"{part}.keras"
            candidate.save(source)
            path = pathlib.Path(folder) / f"{part}-{FORMATS[format].file_name}"
            convert(format, source, path, {})
            paths.append(path)
            runs.append(open_exported(path)[0])
        plain, folded = (run(images)["logits"] for run in runs)
        np.testing.assert_allclose(folded, plain, atol=1e-4)
        facts = [
            {"operations": operations(path), "size": path.stat().st_size}
            for path in paths
        ]
        calls = [functools.partial(run, images) for run in runs]
        names = [f"{format}, {part}" for part in candidates]
        return _rows(name, names, batch_size, calls, facts, rounds)


def _images(model: keras.Model, batch_size: int) -> np.ndarray:
    shape = (batch_size, *model.input_shape[1:])
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")


def _rows(
    name: str,
    candidates: Sequence[str],
    batch_size: int,
    calls: Sequence[Callable[[], Any]],
    facts: Sequence[dict[str, Any]],
    rounds: int,
) -> list[Row]:
    """Times the candidates in turns."""
    timings = interleave([timed(call) for call in calls], rounds)
    return [
        Row(name, candidate, "inference", batch_size, timing=timing, facts=known)
        for candidate, timing, known in zip(candidates, timings, facts, strict=True)
    ]


def operations(path: pathlib.Path) -> int:
    """Number of operations in a .tflite or .onnx file, without constants."""
    if path.suffix == ".onnx":
        import onnx

        nodes = onnx.load(path).graph.node
        return sum(node.op_type != "Constant" for node in nodes)
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(path.read_bytes())
    # The file has one graph.
    return model.Subgraphs(0).OperatorsLength()


def main(
    out: pathlib.Path = pathlib.Path("fold.csv"),
    variants: tuple[str, ...] = VARIANTS,
    formats: tuple[str, ...] = ("litert", "onnx"),
    batch_size: int = 1,
    rounds: int = 50,
) -> None:
    """Measure exported files, or the Keras model, before and after folding.

    Args:
        out: CSV file; rows are appended.
        variants: Names of models.
        formats: `litert`, `onnx`, or `keras` on this process's backend.
        batch_size: Images per batch.
        rounds: Number of measurements of each file.
    """
    for name in variants:
        for format in formats:
            if format == KERAS:
                rows = measure_keras(name, batch_size, rounds)
            else:
                rows = measure(name, format, batch_size, rounds)
            print(*rows, sep="\n", flush=True)
            write(rows, out)
