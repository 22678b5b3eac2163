"""Training in 16 bits: the scale of the loss, and the float32 model that is left."""

import keras
import numpy as np
import pytest

from keras_hybrid.models import in_float32
from keras_hybrid.models.keras_file import load_keras
from keras_hybrid.train import make_optimizer
from keras_hybrid.train.fit import TrainingDiverged, fit
from tests.train.tiny import images, interrupting, network, recipe

SLOW = pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="float16 takes minutes on its CPUs"
)


def mixed(precision):
    keras.config.set_dtype_policy(precision)
    try:
        return network()
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_file_of_a_mixed_model_is_loaded_in_float32(precision, tmp_path):
    model, exact = mixed(precision), network()
    exact.set_weights(model.get_weights())
    model.save(tmp_path / "model.keras")
    pixels = images().images.astype("float32")
    expected = exact.predict(pixels, verbose=0)
    for found in (in_float32(model), load_keras(tmp_path / "model.keras")):
        assert {layer.compute_dtype for layer in found.layers} == {"float32"}
        values = found.predict(pixels, verbose=0)
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6)
    assert in_float32(exact) is exact


def step(optimizer, model, gradients):
    """One step as `fit` does it."""
    if keras.backend.backend() != "jax":
        optimizer.apply(gradients)
        return
    weights = [v.value for v in model.trainable_variables]
    state = [v.value for v in optimizer.variables]
    weights, state = optimizer.stateless_apply(state, gradients, weights)
    pairs = [(model.trainable_variables, weights), (optimizer.variables, state)]
    for variables, values in pairs:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


def test_a_step_that_overflows_is_left_out():
    model = network()
    options = {"weight_decay": 0.1, "global_clipnorm": 1.0, "scales_loss": True}
    optimizer = make_optimizer("muon", model, 0.1, **options)
    optimizer.build(model.trainable_variables)
    scale = float(optimizer.scale_loss(1.0))
    gradients = [keras.ops.ones(v.shape) for v in model.trainable_variables]
    before = model.get_weights()
    step(optimizer, model, [gradients[0] * np.inf, *gradients[1:]])
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(optimizer.iterations) == 0
    assert float(optimizer.scale_loss(1.0)) == scale / 2
    step(optimizer, model, gradients)
    assert int(optimizer.iterations) == 1
    assert not np.array_equal(model.get_weights()[0], before[0])


@SLOW
def test_float16_goes_on_as_if_never_stopped(tmp_path):
    settings = recipe(
        epochs=3, precision="mixed_float16", ema_momentum=0.9, optimizer="muon"
    )
    whole, broken = mixed("mixed_float16"), mixed("mixed_float16")
    (tmp_path / "whole").mkdir()
    fit(settings, tmp_path / "whole", whole, images(), None)
    with pytest.raises(KeyboardInterrupt):
        fit(settings, tmp_path, broken, images(), None, callbacks=interrupting(1))
    fit(settings, tmp_path, broken, images(), None)
    for a, b in zip(whole.get_weights(), broken.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


@SLOW
def test_a_loss_beyond_float16_ends_the_run_with_its_epoch(tmp_path):
    model = mixed("mixed_float16")
    model.layers[-1].kernel.assign(model.layers[-1].kernel * 1e30)
    with pytest.raises(TrainingDiverged, match=r"epoch 1.*--precision float32"):
        fit(recipe(precision="mixed_float16"), tmp_path, model, images(), None)
