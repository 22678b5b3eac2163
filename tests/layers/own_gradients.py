"""What a layer's own gradients are compared with: those that the backend derives."""

import keras
import numpy as np

from keras_hybrid.bench.terms import to_numpy


def both_forms(make, module, gradients, monkeypatch, x, policy="float32"):
    """Values and gradients with and without a module's own form.

    A linear map goes before the layer, so that what flows back out of it counts, and
    its weights are the same twice.

    Returns:
        Two pairs `(values, gradients)`, the own form's first.
    """
    rng, found = np.random.default_rng(1), []
    start = rng.normal(size=(x.shape[-1], 6)).astype("float32")
    for own in (True, False):
        monkeypatch.setattr(module, "jax_on_cpu", lambda own=own: own)
        keras.utils.set_random_seed(0)
        inputs = keras.Input(x.shape[1:])
        before = keras.layers.Dense(6, use_bias=False, dtype=policy, name="before")
        model = keras.Model(inputs, make()(before(inputs)))
        before.kernel.assign(start)
        shape = model.compute_output_shape(x.shape)
        mark = np.random.default_rng(2).normal(size=shape).astype("float32")

        def loss(y, mark=mark):
            y = keras.ops.sin(keras.ops.cast(y, "float32"))
            return keras.ops.sum(keras.ops.multiply(y, mark))

        values = to_numpy(model(x, training=True))
        flows = gradients(model, x, loss, training=True).values()
        found.append((values, list(flows)))
    return found


def assert_equal(own, derived, tolerance):
    """Both pairs agree, relative to the size of each gradient, none of which is 0."""
    np.testing.assert_allclose(own[0], derived[0], atol=10 * tolerance)
    for found, expected in zip(own[1], derived[1], strict=True):
        assert np.abs(expected).max() > 0.1
        assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < tolerance
