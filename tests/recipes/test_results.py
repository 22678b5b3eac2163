"""The table of measured runs reads every run, of older versions, too."""

import pathlib

import pytest

import recipes.results.table as table

pytestmark = pytest.mark.backend_independent
RUNS = sorted(pathlib.Path(table.__file__).parent.glob("*/card.json"))


@pytest.mark.parametrize("card", RUNS, ids=lambda path: path.parent.name)
def test_a_run_has_every_epoch(card):
    lines = (card.parent / "metrics.jsonl").read_text().splitlines()
    assert table.facts(card.parent)["epochs"] == len(lines) > 0
