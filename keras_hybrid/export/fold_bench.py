"""What folding saves: operations, bytes and time, before and after in one run.

    python -m keras_hybrid.export.fold_bench --out fold.csv --variants atc3 ceit_tiny

Both files of a runtime take turns, an image each; what is reported is the median of
the rounds and their quartiles. Operations are those in the file: the runtimes fold on
their own what they can when they load it.
"""

import dataclasses
import os
import pathlib
import platform
import statistics
import tempfile
import time

import numpy as np

from keras_hybrid import models
from keras_hybrid.export.fold import fold
from keras_hybrid.export.formats import FORMATS, require
from keras_hybrid.export.processes import convert
from keras_hybrid.export.runtime import open_exported
from keras_hybrid.export.table import randomised
from keras_hybrid.utils.csv_rows import append_csv

VARIANTS = ("atc3", "convit_tiny", "ceit_tiny", "cvt13", "coatnet0", "astroformer0")


@dataclasses.dataclass(frozen=True)
class Row:
    """One variant in one format, before -> after."""

    variant: str
    format: str
    operations: int
    operations_folded: int
    size: int
    size_folded: int
    milliseconds: float
    milliseconds_folded: float
    quartiles: str
    quartiles_folded: str
    rounds: int
    processor: str
    cores: int
    load: float


def measure(name: str, format: str, rounds: int) -> Row:
    """Writes both files and times them in turn."""
    model = randomised(models.get(name).builder())
    shape = (1, *model.input_shape[1:])
    image = np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")
    require(format)
    with tempfile.TemporaryDirectory() as folder:
        paths, runs, times = [], [], ([], [])
        for part, candidate in (("plain", model), ("folded", fold(model))):
            source = pathlib.Path(folder) / f"{part}.keras"
            candidate.save(source)
            path = pathlib.Path(folder) / f"{part}-{FORMATS[format].file_name}"
            convert(format, source, path, {})
            paths.append(path)
            runs.append(open_exported(path)[0])
            runs[-1](image)
        for _ in range(rounds):
            for run, measured in zip(runs, times, strict=True):
                began = time.perf_counter()
                run(image)
                measured.append(1000 * (time.perf_counter() - began))
        plain, folded = (statistics.quantiles(x, n=4) for x in times)
        return Row(
            name,
            format,
            *map(operations, paths),
            *(path.stat().st_size for path in paths),
            round(plain[1], 3),
            round(folded[1], 3),
            f"{plain[0]:.3f}-{plain[2]:.3f}",
            f"{folded[0]:.3f}-{folded[2]:.3f}",
            rounds,
            platform.processor() or platform.machine(),
            os.cpu_count(),
            round(os.getloadavg()[0], 2),
        )


def operations(path: pathlib.Path) -> int:
    """How many operations a .tflite or .onnx file has; constants are none."""
    if path.suffix == ".onnx":
        import onnx

        nodes = onnx.load(path).graph.node
        return sum(node.op_type != "Constant" for node in nodes)
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(path.read_bytes())
    # The runtime's own signature is the only graph
    return model.Subgraphs(0).OperatorsLength()


def main(
    out: pathlib.Path = pathlib.Path("fold.csv"),
    variants: tuple[str, ...] = VARIANTS,
    formats: tuple[str, ...] = ("litert", "onnx"),
    rounds: int = 50,
) -> None:
    """Measures and appends a row a variant and format to a CSV.

    Args:
        out: The CSV file.
        variants: Names of models.
        formats: `litert` and `onnx`.
        rounds: Images each file is given, one at a time.
    """
    for name in variants:
        for format in formats:
            row = dataclasses.asdict(measure(name, format, rounds))
            print(row, flush=True)
            append_csv([row], out)


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
