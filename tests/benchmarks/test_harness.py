"""Rounds, medians and rows."""

import pytest

from benchmarks import harness
from benchmarks.__main__ import COMMANDS, DURATIONS, main
from benchmarks.harness import Row, interleave, summary, timed, write
from tests.read_csv import rows_of

pytestmark = pytest.mark.backend_independent


def test_candidates_take_turns():
    order = []

    def measurement(name, seconds):
        values = iter(seconds)

        def measure():
            order.append(name)
            return next(values), 0.5

        return measure

    first, second = interleave(
        [measurement("a", [3.0, 1.0, 2.0]), measurement("b", [4.0, 9.0, 5.0])], 3
    )
    assert order == ["a", "b"] * 3
    assert (first.seconds, first.fastest, first.slowest) == (2.0, 1.0, 3.0)
    assert second.seconds == 5.0 and second.spread == 2.25
    assert first.processor_seconds == 0.5 and first.rounds == 3


def test_one_call_goes_before_the_timed_ones(monkeypatch):
    calls, clock = [], iter(range(100))
    monkeypatch.setattr(harness.time, "perf_counter", lambda: next(clock))
    seconds, _ = timed(lambda: calls.append(1), min_seconds=3)()
    assert len(calls) == 4  # one call that is not timed, then three
    assert seconds == pytest.approx(4 / 3)


def test_rows_append_to_one_file_and_name_the_machine(tmp_path):
    timing = summary([(0.123456, 0.2), (0.2, 0.3)])
    row = Row("net", "jax", "training", 8, timing=timing, facts={"memory": 7})
    write([row], tmp_path / "rows.csv")
    write([row, row], tmp_path / "rows.csv")
    rows = rows_of(tmp_path / "rows.csv")
    assert len(rows) == 3
    assert rows[0]["case"] == "net" and rows[0]["memory"] == "7"
    assert rows[0]["seconds"] == "0.1617" and rows[0]["fastest"] == "0.1235"
    assert int(rows[0]["cores"]) > 0 and "python" in rows[0]["versions"]


def test_every_benchmark_has_a_duration(capsys):
    assert set(DURATIONS) == set(COMMANDS) - {"all"}
    main(["all"])
    assert "python -m benchmarks compare" in capsys.readouterr().out


def test_table_of_the_rows(capsys):
    main(["table"])
    text = capsys.readouterr().out
    assert "| convit_tiny | inference | 8 |" in text
