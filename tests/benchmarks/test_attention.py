"""The benchmark of attention on its smallest cases."""

import keras
import pytest

from benchmarks.attention import measure

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="it measures JAX's forms"
)


@pytest.mark.parametrize("case", ["atc3 stage 1, 32 px", "coatnet0 stage 3"])
def test_both_forms_are_timed(case):
    rows = measure(case, batch_size=1, rounds=15)
    seconds = {(row.candidate, row.task): row.timing.seconds for row in rows}
    for form in ("fused", "divide_last"):
        assert 0 < seconds[form, "inference"] < seconds[form, "gradients"]
