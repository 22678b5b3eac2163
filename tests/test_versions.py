"""The table of versions in the docs, and what its rows are made of."""

import pathlib

import pytest

from benchmarks.tables import markdown
from tests.read_csv import rows_of
from tests.versions import HEAD, ROWS, TESTS, lines

pytestmark = pytest.mark.backend_independent

ROOT = pathlib.Path(__file__).parents[1]


def test_the_docs_have_the_table():
    table = markdown(HEAD, lines(rows_of(ROWS)))
    assert table + "\n\n" in (ROOT / "docs" / "versions.md").read_text()


def test_the_tests_of_the_matrix_are_there():
    for test in TESTS:
        file, _, function = test.partition("::")
        assert f"def {function.partition('[')[0]}" in (ROOT / file).read_text()


def row(**changes):
    facts = {
        "python": "3.11.7",
        "backend": "jax",
        "version": "0.8.0",
        "keras": "3.15.0",
    }
    facts |= {"bounds": "lowest", "date": "2026-01-01", "platform": "Linux x86_64"}
    counts = {"passed": "16", "failed": "0", "error": "0", "skipped": "1"}
    return facts | counts | changes


def test_the_last_row_of_a_combination_counts():
    rows = [row(failed="2"), row(bounds="highest"), row(date="2026-02-02")]
    first, second = lines(rows)
    assert (first[3], second[3], second[4]) == ("highest", "lowest", "16")
    assert second[6] == "2026-02-02"


@pytest.mark.parametrize("outcome", ["failed", "error"])
def test_failures_are_shown(outcome):
    ((*_, passed, _, _, _),) = lines([row(**{outcome: "2"})])
    assert passed == "16, 2 failed"
