"""The speed tables of the README and the docs are those of compare.csv."""

import pathlib

import pytest

from benchmarks.compare_table import MAX_SPREAD
from benchmarks.tables import (
    HEAD,
    README_HEAD,
    Comparison,
    markdown,
    read,
    readme_lines,
)

pytestmark = pytest.mark.backend_independent

ROOT = pathlib.Path(__file__).parents[2]


def test_the_readme_has_the_measured_table():
    table = markdown(README_HEAD, readme_lines(read()))
    assert table + "\n\n" in (ROOT / "README.md").read_text()


def test_the_docs_have_the_measured_table():
    table = markdown(HEAD, [x.line() for x in read()])
    assert table + "\n\n" in (ROOT / "docs" / "speed.md").read_text()


def row(candidate, seconds, spread=""):
    return {
        "case": "cvt13",
        "candidate": candidate,
        "task": "inference",
        "batch_size": "8",
        "seconds": str(seconds),
        "host_megabytes": "7",
        "control_spread": spread,
    }


@pytest.mark.parametrize("spread, mark", [("", ""), (MAX_SPREAD, ""), (1.16, "*")])
def test_a_busy_machine_is_marked(spread, mark):
    seconds = {"jax": 2, "litert": 1, "peer": 4, "peer-compiled": 3, "control": 0.5}
    found = Comparison([row(name, s, str(spread)) for name, s in seconds.items()])
    assert (found.best, found.ratio("jax"), found.ratio("litert")) == (
        "litert",
        "1.50",
        "3.00",
    )
    assert found.mark == mark and found.line()[6] == f"{spread}{mark}"
