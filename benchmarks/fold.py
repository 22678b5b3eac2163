"""Operations, bytes and time of exported files before and after folding.

Operations are counted in the file. Runtimes may fold more of them when they load it.
"""

import functools
import pathlib
import tempfile

import numpy as np

from benchmarks.harness import Row, interleave, timed, write
from benchmarks.random_weights import randomised
from keras_hybrid import models
from keras_hybrid.export.converter_process import convert
from keras_hybrid.export.fold import fold
from keras_hybrid.export.formats import FORMATS, require
from keras_hybrid.export.runtime import open_exported

VARIANTS = ("atc3", "convit_tiny", "ceit_tiny", "cvt13", "coatnet0", "astroformer0")


def measure(name: str, format: str, rounds: int) -> list[Row]:
    """Writes both files, compares their outputs and times them in turns."""
    model = randomised(models.get(name).builder())
    shape = (1, *model.input_shape[1:])
    image = np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")
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
        plain, folded = (run(image)["logits"] for run in runs)
        np.testing.assert_allclose(folded, plain, atol=1e-4)
        timings = interleave(
            [timed(functools.partial(run, image)) for run in runs], rounds
        )
        return [
            Row(
                name,
                f"{format}, {part}",
                "inference",
                1,
                timing=timing,
                facts={"operations": operations(path), "size": path.stat().st_size},
            )
            for part, path, timing in zip(candidates, paths, timings, strict=True)
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
    rounds: int = 50,
) -> None:
    """Measure exported files before and after folding.

    Args:
        out: CSV file; rows are appended.
        variants: Names of models.
        formats: `litert` and `onnx`.
        rounds: Number of measurements of each file.
    """
    for name in variants:
        for format in formats:
            rows = measure(name, format, rounds)
            print(*rows, sep="\n", flush=True)
            write(rows, out)
