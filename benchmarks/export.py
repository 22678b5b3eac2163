"""Exports every variant in every format and compares the outputs with Keras.

Weights are random and nowhere 0 or 1. Batch norms get the statistics of random images;
with other statistics a deep network amplifies the rounding errors of another summation
order. Rows that the CSV file has already are not measured again, so a stopped command
continues where it stopped. A Markdown table beside the CSV file has the same numbers.
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
from keras_hybrid.export.formats import FORMATS, SERVERS
from keras_hybrid.export.write import prepared, write
from keras_hybrid.layers import override_attributes

FILES = tuple(name for name in FORMATS if name not in ("web", *SERVERS))
"""The formats but pages and folders of servers, which hold copies of the others."""


def measure(name: str, formats: list[str]) -> Iterator[Row]:
    """Yields a row per format; each file is written, compared and deleted."""
    variant = models.get(name)
    model = randomised(variant.builder())
    rng = np.random.default_rng(1)
    calibration = rng.integers(0, 256, (8, *model.input_shape[1:]), dtype="uint8")
    _update_batch_norms(model, calibration)
    options = {"litert_int8": {"calibration": calibration}}
    card = {"model": name, "artefact": {"source": None}}
    with (
        tempfile.TemporaryDirectory() as folder,
        prepared(model, card, None) as ready,
    ):
        del model
        for format in formats:
            path = pathlib.Path(folder) / FORMATS[format].file_name
            try:
                report = write(ready, format, path, options)
            except ExportMismatch as error:
                if error.report is None:
                    raise
                report = error.report
            columns = {
                "parameters": variant.parameters,
                "max_difference": report.max_difference,
                "largest_logit": float(np.abs(ready.expected).max()),
                "tolerance": report.tolerance,
                "within": report.max_difference <= report.tolerance,
                "size": report.size,
                "builtin_only": not report.custom_ops,
            }
            yield Row(name, format, "export", len(ready.images), facts=columns)


def _update_batch_norms(model: keras.Model, images: np.ndarray) -> None:
    """Sets the moving statistics of batch norms to those of the images."""
    with override_attributes(
        model, keras.layers.BatchNormalization, momentum=0.0
    ) as norms:
        if norms:
            model(images.astype("float32"), training=True)


def main(
    out: pathlib.Path = pathlib.Path("export.csv"),
    pattern: str = "*",
    max_parameters: float = 100e6,
    formats: tuple[str, ...] = FILES,
) -> None:
    """Compare every variant in every export format with Keras.

    Args:
        out: CSV file; a Markdown file of the same name is written beside it.
        pattern: Variants to measure, with wildcards.
        max_parameters: Leave out variants with more parameters.
        formats: Formats to measure.
    """
    done = {(row["case"], row["candidate"]) for row in _read(out)}
    for name in models.list_models():
        if models.get(name).parameters > max_parameters:
            continue
        if not fnmatch.fnmatch(name, pattern):
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
    """The rows as a table: one line per variant, difference and MiB per format."""
    formats = [x for x in FORMATS if any(row["candidate"] == x for row in rows)]
    cells = {}
    for row in rows:
        notes = "" if row["builtin_only"] == "True" else ", custom operations"
        notes += "" if row["within"] == "True" else ", **beyond the tolerance**"
        cells[row["case"], row["candidate"]] = (
            f"{float(row['max_difference']):.1e}, {int(row['size']) / 2**20:.1f}{notes}"
        )
    lines = [
        "Largest difference of a logit from Keras, and MiB. Files have builtin "
        "operations only unless the table says otherwise.",
        "",
        f"| variant | {' | '.join(formats)} |",
        f"|---|{'---|' * len(formats)}",
    ]
    for name in dict.fromkeys(row["case"] for row in rows):
        line = " | ".join(cells.get((name, format), "-") for format in formats)
        lines.append(f"| {name} | {line} |")
    return "\n".join(lines) + "\n"
