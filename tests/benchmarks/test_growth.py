"""Slopes, what is flagged, and one point of a small network measured."""

import math

import keras
import pytest

from benchmarks import growth
from benchmarks.growth import (
    MAX_SLOPE,
    faults,
    fitted_slope,
    lines,
    rows_of,
    slopes,
    sweep,
)
from benchmarks.growth_point import Point, build, measure
from keras_hybrid.analysis.complexity import macs
from keras_hybrid.utils.subprocesses import ChildProcessFailed
from tests.read_csv import rows_of as rows_in

pytestmark = pytest.mark.backend_independent


def measured(cost, seconds, megabytes):
    timing = dict.fromkeys(
        ("seconds", "fastest", "slowest", "processor_seconds"), seconds
    )
    return {
        "timing": timing | {"rounds": 1},
        "macs": cost,
        "parameters": 10**6,
        "working_megabytes": megabytes,
    }


def test_slopes_are_exponents():
    costs = [1e6, 4e6, 4e6, 16e6]
    found = slopes(costs, [1.0, 2.0, 2.0, 32.0])
    assert found[::2] == pytest.approx([0.5, 2.0])
    assert math.isnan(found[1])
    cubes = [x**3 for x in (1.0, 2.0, 5.0)]
    assert fitted_slope([1, 2, 5], cubes) == pytest.approx(3)
    assert math.isnan(fitted_slope([7], [1.0]))


def test_what_grows_faster_than_its_cost_is_named():
    points = sweep("atc3", "batch", [], (1, 8, 64), "inference")
    assert [(x.image_size, x.batch_size) for x in points] == [
        (64, 1),
        (64, 8),
        (64, 64),
    ]
    rows = rows_of(
        "batch",
        points,
        [
            measured(1e9, 0.1, 1.0),
            measured(8e9, 0.1 * 8**MAX_SLOPE, 1.0),  # not more than allowed
            measured(64e9, 40.0, 0.0),
        ],
    )
    assert rows[1].facts["time_slope"] == MAX_SLOPE and faults(rows) == [
        "atc3, inference, growing batch, to 64 pixels and batch 64: time grows with "
        f"slope {rows[2].facts['time_slope']}"
    ]
    head, *table, fit = lines(rows)[2:]
    assert head.split()[:3] == ["variant", "pixels", "batch"] and len(table) == 3
    assert table[1].split()[-3:] == ["1.10", "1.0", "0.00"]
    assert fit.startswith("all points: slope of time 1.44")


def test_larger_variants_cost_more():
    for name in growth.NAMES:
        points = sweep(name, "parameters", [], [], "inference")
        assert [x.name for x in points] == [name, *growth.LARGER[name]]


def test_a_point_is_measured():
    point = Point("atc3", 32, 2)
    found = measure(point, rounds=3)
    network = build(point)
    assert network.input_shape == (None, 32, 32, 3)
    assert found["macs"] == 2 * macs(network)
    assert found["parameters"] == network.count_params()
    assert 0 < found["timing"]["fastest"] <= found["timing"]["seconds"] < 5
    assert found["timing"]["rounds"] == 3
    assert found["working_megabytes"] >= 0


def test_points_without_a_result_stop_nothing(monkeypatch, tmp_path, capsys):
    runs = []

    def run(point, rounds):
        runs.append(point)
        if point.image_size == 64:
            raise ChildProcessFailed("the process was ended by SIGKILL")
        return measured(point.image_size**2, point.image_size**2.5, 1.0)

    monkeypatch.setattr(growth, "run", run)
    growth.main(
        ("cvt13",),
        sweeps=("size", "batch"),
        sizes=(64, 128, 32),
        batches=(1,),
        out=tmp_path / "growth.csv",
    )
    rows = rows_in(tmp_path / "growth.csv")
    assert [row["image_size"] for row in rows] == ["32", "128"]
    assert rows[1]["time_slope"] == "1.25" and rows[0]["time_slope"] == "nan"
    assert rows[0]["candidate"] == keras.backend.backend()
    printed = capsys.readouterr().out
    assert "cvt13 at 64 pixels and batch 1: not measured: the process" in printed
    assert "to 128 pixels and batch 1: time grows with slope 1.25" in printed
    assert len(runs) == 4  # once more in the other sweep
