"""Models that others build around a network work like this package's own."""

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.export import fold
from keras_hybrid.models.last_operation import last_operation

pytestmark = pytest.mark.backend_independent

SIZE = 16
PIXELS = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3)).astype("float32")


def backbone(**arguments):
    settings = {"widths": (8, 8, 8), "stem_width": 4, "input_shape": (SIZE, SIZE, 3)}
    return models.ResNet9(include_top=False, **settings | arguments)


def guide(activation=None, units=3, pixels=True):
    """The model of Keras' guide to transfer learning."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.RandomFlip("horizontal")(inputs)
    if not pixels:
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = backbone(include_preprocessing=pixels)(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    return keras.Model(inputs, keras.layers.Dense(units, activation=activation)(x))


def sequential():
    pool, dense = keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)
    layers = [backbone(), pool, dense, keras.layers.Softmax()]
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), *layers])


def within(inner, last=None):
    inputs = keras.Input((SIZE, SIZE, 3))
    outputs = inner(inputs)
    return keras.Model(inputs, last(outputs) if last else outputs)


KINDS = {
    "logits": (guide, "logits"),
    "softmax": (lambda: guide("softmax"), "probabilities"),
    "sigmoid": (lambda: guide("sigmoid"), "probabilities"),
    "normalized": (lambda: guide(pixels=False), "logits"),
    "one output": (lambda: guide(units=1), "logits"),
    "sequential": (sequential, "probabilities"),
    "two levels": (lambda: within(guide()), "logits"),
    "operation": (lambda: within(guide(), keras.ops.softmax), "probabilities"),
    "dtype": (
        lambda: within(guide("softmax"), keras.layers.Activation("linear")),
        "probabilities",
    ),
}


def values(model):
    return keras.ops.convert_to_numpy(model(PIXELS, training=False))


@pytest.mark.parametrize("kind", KINDS)
def test_models_around_a_network(kind):
    make, output = KINDS[kind]
    model = make()
    assert models.output_name(model) == output and models.takes_pixels(model)
    adopted = models.adopt(model)
    assert models.output_name(adopted) == output and models.takes_pixels(adopted)
    assert not [x for x in adopted.layers if isinstance(x, keras.Model)]
    np.testing.assert_allclose(values(adopted), values(model), atol=1e-5)
    logits = values(models.logits(adopted))
    answer = keras.ops.convert_to_numpy(models.after_logits(adopted, logits))
    np.testing.assert_allclose(answer, values(model), atol=1e-5)


def test_they_are_folded_and_averaged():
    model = models.adopt(guide("softmax"))
    np.testing.assert_allclose(values(fold(model)), values(model), atol=1e-5)
    mirrored = PIXELS[:, :, ::-1]
    logits = models.logits(model)
    mean = (values(logits) + keras.ops.convert_to_numpy(logits(mirrored))) / 2
    both = models.logits(models.average_views(model, "flip"))
    np.testing.assert_allclose(values(both), mean, atol=1e-4)


def test_own_models_are_left_alone():
    model = backbone()
    own = models.with_head(models.ResNet9(input_shape=(SIZE, SIZE, 3)), 3)
    assert models.adopt(own) is own
    for wrong, what in ((model, "FeatureOutput"), (None, "ReLU")):
        if wrong is None:
            wrong = within(guide(), keras.layers.ReLU())
        with pytest.raises(
            ValueError, match=rf"ends in .*({what}).*keras.layers.Dense"
        ):
            models.adopt(wrong)


def test_probabilities_are_added_to_logits():
    model = models.adopt(guide())
    found = values(models.with_probabilities(model, "softmax"))
    np.testing.assert_allclose(
        found, keras.ops.convert_to_numpy(keras.ops.softmax(values(model))), atol=1e-6
    )


def test_what_computes_the_output():
    operation, inputs = last_operation(within(guide()).outputs[0])
    assert isinstance(operation, keras.layers.Dense) and inputs.shape == (None, 8)
