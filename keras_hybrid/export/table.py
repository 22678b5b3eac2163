"""Every variant in every format: one command that measures them all.

    python -m keras_hybrid.export.table --out export.csv --pattern 'atc*'

Weights are random and nowhere trivial, batch norms have the statistics of random
images: with others a deep network is so sensitive that another order of the same sums
shows. A row that is in the file already is not
measured again, so that a stopped command goes on where it was. Beside the CSV it
writes the same as a Markdown table.
"""

import csv
import dataclasses
import fnmatch
import pathlib
import tempfile

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.export.formats import FORMATS
from keras_hybrid.export.report import ExportMismatch
from keras_hybrid.export.write import prepared, write
from keras_hybrid.layers import override_attributes
from keras_hybrid.utils.csv_rows import append_csv


@dataclasses.dataclass(frozen=True)
class Row:
    """One variant in one format."""

    variant: str
    parameters: int
    format: str
    max_difference: float
    largest_logit: float
    tolerance: float
    within: bool
    size: int
    builtin_only: bool


def measure(name: str, formats: list[str]):
    """Yields a row a format, as it is written, compared and thrown away."""
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
            yield Row(
                variant=name,
                parameters=variant.parameters,
                format=format,
                max_difference=report.max_difference,
                largest_logit=float(np.abs(ready.expected).max()),
                tolerance=report.tolerance,
                within=report.max_difference <= report.tolerance,
                size=report.size,
                builtin_only=not report.foreign_ops,
            )


def randomised(model: keras.Model) -> keras.Model:
    """Gives every weight a value that is nowhere trivially 0 or 1."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        value = keras.ops.convert_to_numpy(weight)
        noise = rng.normal(size=value.shape)
        if weight.path.endswith("moving_variance"):
            value = rng.uniform(0.5, 1.5, value.shape)
        elif value.ndim <= 1:
            value = value + 0.1 * noise
        elif value.std() < 1e-3:
            value = 0.02 * noise
        weight.assign(value)
    return model


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
    """Measures what is not in the file yet.

    Args:
        out: The CSV file; a Markdown file of the same name goes beside it.
        pattern: Variants to measure.
        most: Leave out variants with more parameters.
        formats: Formats to measure.
    """
    done = {(row["variant"], row["format"]) for row in _read(out)}
    for name in models.list_models():
        if models.get(name).parameters > most or not fnmatch.fnmatch(name, pattern):
            continue
        missing = [format for format in formats if (name, format) not in done]
        if not missing:
            continue
        for row in measure(name, missing):
            print(row, flush=True)
            append_csv([dataclasses.asdict(row)], out)
    out.with_suffix(".md").write_text(markdown(_read(out)))


def _read(path):
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def markdown(rows: list[dict[str, str]]) -> str:
    """The rows as a table: a line a variant, difference and MiB a format."""
    formats = [x for x in FORMATS if any(row["format"] == x for row in rows)]
    cells = {}
    for row in rows:
        notes = "" if row["builtin_only"] == "True" else ", foreign operations"
        notes += "" if row["within"] == "True" else ", **too far**"
        cells[row["variant"], row["format"]] = (
            f"{float(row['max_difference']):.1e}, {int(row['size']) / 2**20:.1f}{notes}"
        )
    lines = [
        "Largest difference of a logit from Keras', MiB; builtin operations only "
        "unless said.",
        "",
        f"| variant | {' | '.join(formats)} |",
        f"|---|{'---|' * len(formats)}",
    ]
    for name in dict.fromkeys(row["variant"] for row in rows):
        line = " | ".join(cells.get((name, format), "-") for format in formats)
        lines.append(f"| {name} | {line} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
