"""The matrix of versions: `python -m tests.versions` prints it as Markdown.

With an argument, `lowest` or `highest`, it runs `TESTS` in this environment on the
chosen backend and adds a row to `versions.csv`; `noxfile.py` makes the environments.
"""

import datetime
import os
import pathlib
import platform
import sys
from importlib import metadata

import pytest

from benchmarks.tables import markdown
from keras_hybrid.utils.csv_rows import append_csv
from tests.read_csv import rows_of

ROWS = pathlib.Path(__file__).with_name("versions.csv")
# Published outputs and gradients, saved files, a training run, the backend's exports.
TESTS = (
    "tests/models/test_atc.py::test_linear_configuration_is_cvt",
    "tests/models/test_ceit.py::test_golden",
    "tests/models/test_coatnet.py::test_golden_logits_and_taps",
    "tests/models/test_convit.py::test_golden",
    "tests/models/test_cvt.py::test_golden_logits",
    "tests/models/test_cvt.py::test_training_mode_and_gradients",
    "tests/test_saving.py::test_reload[{backend}]",
    "tests/train/test_training.py::test_a_run_leaves_what_it_should",
    "tests/export/test_own_formats.py",
)
OUTCOMES = ("passed", "failed", "error", "skipped")
HEAD = ("Python", "backend", "Keras", "bounds", "passed", "skipped", "date", "platform")


class Outcomes:
    """A plugin of pytest that counts the tests by outcome."""

    counts: dict[str, int]

    def pytest_terminal_summary(self, terminalreporter):
        stats = terminalreporter.stats
        self.counts = {name: len(stats.get(name, ())) for name in OUTCOMES}


def version_of(backend):
    """Version of the package of a backend."""
    for name in (backend, f"{backend}-cpu"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    raise ImportError(f"{backend} is not installed.")


def run(bounds):
    """Runs the tests, adds the row, returns pytest's exit status."""
    backend = os.environ["KERAS_BACKEND"]
    outcomes = Outcomes()
    tests = [x.format(backend=backend) for x in TESTS]
    status = pytest.main(["-q", "-m", "", *tests], plugins=[outcomes])
    row = {
        "date": datetime.date.today().isoformat(),
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "bounds": bounds,
        "backend": backend,
        "version": version_of(backend),
        "keras": metadata.version("keras"),
    }
    append_csv([row | outcomes.counts], ROWS)
    return status


def lines(rows):
    """The lines of the table: the last row of each combination of versions."""
    found = {(x["python"], x["backend"], x["bounds"]): x for x in rows}
    return [
        (
            x["python"],
            f"{x['backend']} {x['version']}",
            x["keras"],
            x["bounds"],
            _passed(x),
            x["skipped"],
            x["date"],
            x["platform"],
        )
        for _, x in sorted(found.items())
    ]


def _passed(row):
    failures = int(row["failed"]) + int(row["error"])
    return row["passed"] + (f", {failures} failed" if failures else "")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(run(sys.argv[1]))
    print(markdown(HEAD, lines(rows_of(ROWS))))
