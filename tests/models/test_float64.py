"""With Keras set to float64 the networks compute in float64 throughout."""

import keras
import numpy as np
import pytest

from tests.small import FAMILIES, small

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="Keras computes means of float64 values in float32 on JAX and torch",
)


def use(dtype):
    """Sets the type of inputs and of layers."""
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


@pytest.fixture
def float64():
    use("float64")
    yield
    use("float32")


@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_difference_quotients_agree(name, randomise, float64):
    """A float32 anywhere rounds to 6e-8: about as large as these steps.

    So its quotients are wrong in the first digit. A kink of a ReLU or of a pooling
    between the steps changes the fourth.
    """
    model = randomise(small(name))
    rng = np.random.default_rng(0)
    images, direction = rng.uniform(0, 255, (2, 1, *model.input_shape[1:]))

    def outputs(step):
        x = keras.ops.convert_to_tensor(images + step * direction, "float64")
        return keras.ops.convert_to_numpy(model(x))

    def quotient(step):
        return (outputs(step) - outputs(-step)) / (2 * step)

    fine, coarse = quotient(1e-7), quotient(2e-7)
    assert outputs(0).dtype == np.float64 and np.abs(fine).max() > 1e-4
    np.testing.assert_allclose(fine, coarse, rtol=0, atol=1e-2 * np.abs(fine).max())

    use("float32")
    single = small(name)
    for variable, value in zip(single.weights, model.weights, strict=True):
        variable.assign(keras.ops.cast(value, "float32"))
    found = keras.ops.convert_to_numpy(single(images.astype("float32")))
    np.testing.assert_allclose(found, outputs(0), rtol=0, atol=1e-5)
