"""Compares a hand-written gradient with the gradient that the backend derives."""

import keras
import numpy as np

from keras_hybrid import ops


def both_forms(make, operation, gradients, x, policy="float32"):
    """Values and gradients of a layer with an operation's fast and its plain form.

    A dense layer goes before the layer, so that the gradient of its input counts, and
    its weights are the same twice.

    Returns:
        Two pairs `(values, gradients)`, the fast form's first.
    """
    rng, found = np.random.default_rng(1), []
    kernel = rng.normal(size=(x.shape[-1], 6)).astype("float32")
    for form in (ops.list_forms()[operation][-1], "plain"):
        keras.utils.set_random_seed(0)
        inputs = keras.Input(x.shape[1:])
        before = keras.layers.Dense(6, use_bias=False, dtype=policy, name="before")
        model = keras.Model(inputs, make()(before(inputs)))
        before.kernel.assign(kernel)
        shape = model.compute_output_shape(x.shape)
        mark = np.random.default_rng(2).normal(size=shape).astype("float32")

        def loss(y, mark=mark):
            y = keras.ops.sin(keras.ops.cast(y, "float32"))
            return keras.ops.sum(keras.ops.multiply(y, mark))

        with ops.forms(**{operation: form}):
            values = model(x, training=True)
            flows = gradients(model, x, loss, training=True).values()
        values = keras.ops.convert_to_numpy(keras.ops.cast(values, "float32"))
        found.append((values, list(flows)))
    return found


def assert_equal(fast, plain, tolerance):
    """Both pairs agree, relative to the size of each gradient, none of which is 0."""
    np.testing.assert_allclose(fast[0], plain[0], atol=10 * tolerance)
    for found, expected in zip(fast[1], plain[1], strict=True):
        assert np.abs(expected).max() > 0.1
        assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < tolerance
