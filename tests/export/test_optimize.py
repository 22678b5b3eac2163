"""The optimized model: the same outputs, or the model itself."""

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.export import fold, optimize_for_inference
from keras_hybrid.inference import open_model as open_model_module
from keras_hybrid.inference.open_model import open_model
from tests.small import small


def outputs(model, images):
    return keras.ops.convert_to_numpy(keras.ops.cast(model(images), "float32"))


def images_for(model):
    shape = (2, *model.input_shape[1:])
    return np.random.default_rng(1).uniform(0, 255, shape).astype("float32")


@pytest.mark.parametrize("name", ["atc3", "ceit_tiny", "coatnet0"])
def test_same_outputs_without_batch_norms(name, randomise):
    model = randomise(small(name))
    faster, images = optimize_for_inference(model), images_for(model)
    expected = outputs(model, images)
    np.testing.assert_allclose(outputs(faster, images), expected, rtol=0, atol=2e-6)
    assert np.ptp(expected) > 1e-3
    kinds = [type(x) for x in faster._flatten_layers()]
    assert not any(issubclass(x, keras.layers.BatchNormalization) for x in kinds)
    assert faster.name == model.name


@pytest.fixture
def in_bfloat16():
    """Layers compute in bfloat16 and have float32 weights."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", ["atc3", "ceit_tiny", "convit_tiny", "resnet9"])
def test_weights_in_16_bits_change_no_output(name, randomise, in_bfloat16):
    """Folding rounds other products to 16 bits; casting the weights rounds none."""
    model = randomise(small(name))
    folded, images = fold(model), images_for(model)
    faster = optimize_for_inference(model)
    np.testing.assert_array_equal(outputs(faster, images), outputs(folded, images))
    weights = [x for x in faster.weights if "norm" not in x.path]
    assert {"bfloat16"} == {x.dtype for x in weights if "embedding" not in x.path}


def quantized():
    model = small("atc3")
    model.quantize("int8")
    return model


def random_in_predictions():
    x = image = keras.Input((4, 4, 3))
    x = keras.layers.Dropout(0.5)(x, training=True)
    return keras.Model(image, keras.layers.Dense(2, name="head")(x))


class Subclass(keras.Model):
    """A model without a graph."""

    def call(self, x):
        return x


@keras.saving.register_keras_serializable("tests")
class Renamed(keras.layers.Layer):
    """A layer whose weight has another name in every object."""

    count = 0

    def build(self, shape):
        Renamed.count += 1
        self.factor = self.add_weight(name=f"factor{self.count}", initializer="ones")

    def call(self, x):
        return x * self.factor


def of_another_package():
    image = keras.Input((4, 4, 3))
    return keras.Model(image, Renamed()(image))


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "build", [quantized, random_in_predictions, Subclass, of_another_package]
)
def test_what_cannot_be_folded_is_returned(build):
    model = build()
    assert optimize_for_inference(model) is model


@pytest.mark.backend_independent
def test_predictions_use_it(monkeypatch, tmp_path):
    model = small("atc3")
    model.save(tmp_path / "model.keras")
    seen = []

    def spy(model):
        seen.append(optimize_for_inference(model))
        return seen[-1]

    monkeypatch.setattr(open_model_module, "optimize_for_inference", spy)
    images = images_for(model)
    (found,) = open_model(tmp_path / "model.keras").run(images).values()
    np.testing.assert_allclose(found, outputs(model, images), atol=1e-6)
    (faster,) = seen
    assert len(faster.weights) < len(models.logits(model).weights)
