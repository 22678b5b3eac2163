"""Every variant in every export format.

Weights are random and nowhere trivial, batch norms have the statistics of random
images: with others a deep network is so sensitive that another order of the same sums
shows. A row that is in the file already is not
measured again, so a stopped command continues where it was. Beside the CSV it
writes the same as a Markdown table.
"""

import csv
import fnmatch
import pathlib
import tempfile
from collections.abc import Iterator

import keras
import numpy as np

from benchmarks.harness import Row
from benchmarks.harness import write as write_rows
from benchmarks.random_weights import randomised
from keras_hybrid import models
from keras_hybrid.export.export_report import ExportMismatch
from keras_hybrid.export.formats import FORMATS
from keras_hybrid.export.write import prepared, write
from keras_hybrid.layers import override_attributes


def measure(name: str, formats: list[str]) -> Iterator[Row]:
    """Yields a row per format; each file is written, compared and deleted."""
    variant = models.get(name)
    model = randomised(variant.builder())
    rng = np.random.default_rng(1)
    calibration = rng.integers(0, 256, (8, *model.input_shape[1:]), dtype="uint8")
    _settle(model, calibration)
    options = {"litert_int8": {"calibration": calibration}}
    facts = {"model": name, "artefact": {"source": None}}
    with (
        tempfile.TemporaryDirectory() as folder,
        prepared(model, facts, None) as ready,
    ):
        del model
        for format in formats:
            path = pathlib.Path(folder) / FORMATS[format].file_name
            try:
                report = write(ready, format, path, options)
            except ExportMismatch as error:
                report = error.report
            facts = {
                "parameters": variant.parameters,
                "max_difference": report.max_difference,
                "largest_logit": float(np.abs(ready.expected).max()),
                "tolerance": report.tolerance,
                "within": report.max_difference <= report.tolerance,
                "size": report.size,
                "builtin_only": not report.custom_ops,
            }
            yield Row(name, format, "export", len(ready.images), facts=facts)


def _settle(model: keras.Model, images: np.ndarray) -> None:
    """Gives batch norms the statistics of images, as training does."""
    with override_attributes(
        model, keras.layers.BatchNormalization, momentum=0.0
    ) as norms:
        if norms:
            model(images.astype("float32"), training=True)


def main(
    out: pathlib.Path = pathlib.Path("export.csv"),
    pattern: str = "*",
    most: float = 100e6,
    formats: tuple[str, ...] = tuple(FORMATS),
) -> None:
    """Compare every variant in every export format with Keras.

    Args:
        out: The CSV file; a Markdown file of the same name goes beside it.
        pattern: Variants to measure.
        most: Leave out variants with more parameters.
        formats: Formats to measure.
    """
    done = {(row["subject"], row["candidate"]) for row in _read(out)}
    for name in models.list_models():
        if models.get(name).parameters > most or not fnmatch.fnmatch(name, pattern):
            continue
        missing = [format for format in formats if (name, format) not in done]
        if not missing:
            continue
        for row in measure(name, missing):
            print(row, flush=True)
            write_rows([row], out)
    out.with_suffix(".md").write_text(markdown(_read(out)))


def _read(path: pathlib.Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def markdown(rows: list[dict[str, str]]) -> str:
    """The rows as a table: a line per variant, difference and MiB per format."""
    formats = [x for x in FORMATS if any(row["candidate"] == x for row in rows)]
    cells = {}
    for row in rows:
        notes = "" if row["builtin_only"] == "True" else ", foreign operations"
        notes += "" if row["within"] == "True" else ", **too far**"
        cells[row["subject"], row["candidate"]] = (
            f"{float(row['max_difference']):.1e}, {int(row['size']) / 2**20:.1f}{notes}"
        )
    lines = [
        "Largest difference of a logit from Keras', MiB; builtin operations only "
        "unless said.",
        "",
        f"| variant | {' | '.join(formats)} |",
        f"|---|{'---|' * len(formats)}",
    ]
    for name in dict.fromkeys(row["subject"] for row in rows):
        line = " | ".join(cells.get((name, format), "-") for format in formats)
        lines.append(f"| {name} | {line} |")
    return "\n".join(lines) + "\n"
