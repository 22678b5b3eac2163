"""The attention bench, at its smallest."""

import keras
import pytest

from keras_hybrid.bench.attention import measure

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="it measures JAX's forms"
)


@pytest.mark.parametrize("place", ["atc3 stage 1, 32 px", "coatnet0 stage 3"])
def test_both_forms_are_timed(place):
    rows = measure(place, batch_size=1, rounds=3)
    assert [row.form for row in rows] == ["fused", "attend"]
    assert all(0 < row.milliseconds < row.milliseconds_gradients for row in rows)
