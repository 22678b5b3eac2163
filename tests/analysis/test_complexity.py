import keras
import numpy as np
import pytest

from keras_hybrid import layers, models
from keras_hybrid.analysis import breakdown, macs

pytestmark = pytest.mark.backend_independent

AT384 = {"input_shape": (384, 384, 3)}
WHOLE = {"class_only": False}
FAST = {"strides": (2, 2, 2)}
# Millions, as published or counted on the published code by fvcore.
MEASURED = [
    ("CvT13", {}, 4585),
    ("CvT13", AT384, 16_324),
    ("CvT21", {}, 7206),
    ("ATC3", {}, 280.4),
    ("ATC13", {}, 1250),
    ("ATC15", FAST, 339),
    ("ATCRes15", {}, 1477),
    ("ConViTTiny", {}, 1257),
    ("ConViTTiny", AT384, 4727),
    ("ConViTSmall", {}, 5757),
    ("ConViTSmallPlus", {}, 10_016),
    ("ConViTBase", {}, 17_524),
    ("CeiTTiny", WHOLE, 1395.2),
    ("CeiTTiny", {}, 1395.2 - 88.4),
    ("CeiTTiny", AT384 | WHOLE, 5102.8),
    ("CeiTTiny", {"i2t_channels": 32} | WHOLE, 1317.0),
    ("CeiTSmall", WHOLE, 4759.5),
    ("CeiTBase", WHOLE, 17_748.8),
    ("CeiTBase", {}, 17_748.8 - 1220.8),
]


@pytest.mark.parametrize("name, arguments, millions", MEASURED)
def test_macs(name, arguments, millions, quick_start):
    model = getattr(models, name)(**arguments)
    np.testing.assert_allclose(macs(model), millions * 1e6, rtol=0.01)
    if not arguments:
        np.testing.assert_allclose(models.get(name).macs, macs(model), rtol=0.01)


def test_breakdown_adds_up():
    model = models.ATC3(widths=(8, 16, 16), heads=(1, 2, 2))
    costs = breakdown(model)
    assert [cost.name for cost in costs] == [layer.name for layer in model.layers]
    assert sum(cost.macs for cost in costs) == macs(model)
    parameters = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert sum(cost.parameters for cost in costs) == parameters
    by_name = {cost.name: cost for cost in costs}
    assert by_name["stage1_embedding"].macs == 32 * 32 * 9 * 3 * 8
    assert by_name["head"].macs == 16 * 100 and by_name["norm"].macs == 0


def test_gpsa_counts_positional_attention_along_its_axes():
    x = keras.Input((3, 5, 8))
    layer = layers.GatedPositionalAttention(4)
    assert macs(keras.Model(x, layer(x, x, x))) == 15 * 8 * (2 * 15 + 3 + 5)


def test_stock_layers():
    x = keras.Input((8, 8, 4))
    y = keras.layers.Conv2D(6, 3, strides=2, padding="same")(x)
    y = keras.layers.DepthwiseConv2D(3, padding="same")(y)
    model = keras.Model(x, keras.layers.Dense(5)(y))
    assert macs(model) == 16 * (9 * 4 * 6 + 9 * 6 + 6 * 5)


def test_shared_layers_count_each_time():
    x, dense = keras.Input((4,)), keras.layers.Dense(4)
    assert macs(keras.Model(x, dense(dense(x)))) == 2 * 16


def test_what_cannot_be_counted():
    with pytest.raises(ValueError, match="build it with the input_shape"):
        macs(models.ATC3(input_shape=(None, None, 3)))
    x = keras.Input((4, 4))
    with pytest.raises(NotImplementedError, match="Conv1D has no count"):
        macs(keras.Model(x, keras.layers.Conv1D(2, 1)(x)))
