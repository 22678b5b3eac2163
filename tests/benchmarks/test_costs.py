"""Pinned costs of every family, by count: they must not grow."""

import json
import pathlib
from importlib import metadata

import keras
import pytest

from benchmarks import costs as cost

PINNED = json.loads((pathlib.Path(__file__).parent / "costs.json").read_text())
LIMIT = 0.02
AGAIN = "KERAS_BACKEND=jax python -m benchmarks costs --out tests/benchmarks/costs.json"


@pytest.mark.backend_independent
def test_every_family_is_pinned():
    assert set(PINNED) == {"jaxlib", *cost.NETWORKS}


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="counted by JAX")
@pytest.mark.skipif(
    metadata.version("jaxlib") != PINNED["jaxlib"],
    reason=f"counted by jaxlib {PINNED['jaxlib']}; to count again: {AGAIN}",
)
@pytest.mark.parametrize("family", cost.NETWORKS)
def test_xla_costs(family):
    found = cost.xla_costs(cost.build(family))
    pinned = {task: PINNED[family][task] for task in found}
    grown = cost.growth(found, pinned)
    assert len(grown) == 6
    too_much = {name: by for name, by in grown.items() if by > LIMIT}
    assert not too_much, f"{family} grew by {too_much}; to pin the new costs: {AGAIN}"


@pytest.mark.backend_independent
@pytest.mark.parametrize("family", cost.NETWORKS)
def test_operations_of_files(family):
    found = cost.file_costs(cost.build(family))
    pinned = {format: PINNED[family][format] for format in found}
    grown = cost.growth(found, pinned)
    too_much = {name: by for name, by in grown.items() if by > LIMIT}
    assert not too_much, f"{family} grew by {too_much}; to pin the new costs: {AGAIN}"


@pytest.mark.backend_independent
def test_growth_is_relative():
    found, pinned = {"a": {"b": 103, "c": 90}}, {"a": {"b": 100, "c": 100}}
    assert cost.growth(found, pinned) == pytest.approx({"a b": 0.03, "a c": -0.1})
