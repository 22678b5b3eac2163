"""The bench of own gradients takes them away, and gives them back."""

import keras
import numpy as np
import pytest

from keras_hybrid.bench import gradients
from keras_hybrid.bench.ours import Jax
from keras_hybrid.bench.subjects import subject

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="these are JAX's on CPUs"
)


def transposed(kind):
    """Whether a step multiplies by a transposed copy of what flows back."""
    shape = (2, 14, 14, 192)
    images = np.zeros(shape, "float32")
    with gradients.gradients(kind):
        runner = Jax(subject("gpsa_tiny").build())
        compiled, _ = runner.compiled("training", images, images, donate=False)
    return "lhs_contracting_dims={0}, rhs_contracting_dims={1}" in compiled.as_text()


def test_only_jaxs_own_gradients_transpose():
    assert transposed("jax")
    assert not transposed("own")


def test_rows_of_both():
    derived, own = gradients.measure("gpsa_tiny", batch_size=1, rounds=2)
    assert (derived.gradients, own.gradients) == gradients.KINDS
    assert derived.milliseconds > 0 and own.temporary_megabytes > 0
