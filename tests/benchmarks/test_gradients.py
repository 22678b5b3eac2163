"""The benchmark of gradients times both kinds of gradients."""

import keras
import numpy as np
import pytest

from benchmarks import gradients
from benchmarks.cases import case
from benchmarks.keras_runners import Jax
from keras_hybrid import ops

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="these are JAX's on CPUs"
)


def transposed(kind):
    """Whether a step multiplies by a transposed copy of the upstream gradient."""
    images = np.zeros((2, 14, 14, 192), "float32")
    with ops.forms(**gradients.KINDS[kind]):
        runner = Jax(case("gpsa_tiny").build())
        compiled, _ = runner.compiled("training", images, images, donate=False)
    return "lhs_contracting_dims={0}, rhs_contracting_dims={1}" in compiled.as_text()


def test_only_derived_gradients_transpose():
    assert transposed("derived")
    assert not transposed("hand-written")


def test_rows_of_both():
    rows = gradients.measure("gpsa_tiny", batch_size=1, rounds=2)
    assert [row.candidate for row in rows] == list(gradients.KINDS)
    for row in rows:
        assert row.timing.seconds > 0 and row.facts["temporary_megabytes"] > 0
