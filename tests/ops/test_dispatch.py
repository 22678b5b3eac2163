"""The switch of forms."""

import keras
import numpy as np
import pytest

from keras_hybrid import models, ops


@pytest.fixture
def recorded():
    """Registers a form of the depthwise convolution that records its calls."""
    calls = []

    def form(x, kernel, strides):
        calls.append(tuple(x.shape))
        return keras.ops.depthwise_conv(
            x, kernel, strides, "valid", data_format="channels_last"
        )

    ops.register("depthwise_conv", "recorded", form, when=lambda *_: False)
    yield calls
    ops.unregister("depthwise_conv", "recorded")


def atc():
    keras.utils.set_random_seed(0)
    fields = {"widths": (8, 8, 8), "heads": (1, 1, 1), "input_shape": (16, 16, 3)}
    return models.ATC(classes=3, **fields)


def test_a_form_from_outside_is_taken_within_its_scope(recorded):
    model, x = atc(), np.random.default_rng(0).normal(size=(2, 16, 16, 3))
    expected = keras.ops.convert_to_numpy(model(x))
    assert not recorded
    with ops.forms(depthwise_conv="recorded"):
        found = keras.ops.convert_to_numpy(model(x))
    assert len(recorded) > 5
    np.testing.assert_allclose(found, expected, atol=1e-5)
    count = len(recorded)
    model(x)
    assert len(recorded) == count


def test_the_form_added_last_is_taken_where_it_applies(recorded):
    ops.unregister("depthwise_conv", "recorded")
    ops.register("depthwise_conv", "recorded", lambda x, kernel, strides: x)
    x = np.ones((1, 4, 4, 2), "float32")
    assert ops.depthwise_conv(x, None, 1) is x
    with ops.forms("plain"):
        assert ops.depthwise_conv(x, np.ones((3, 3, 2, 1), "float32"), 1) is not x


def test_scopes_nest(recorded):
    x, kernel = np.ones((1, 4, 4, 2), "float32"), np.ones((3, 3, 2, 1), "float32")
    with ops.forms(depthwise_conv="recorded"):
        with ops.forms(depthwise_conv="auto", max_pool="plain"):
            ops.depthwise_conv(x, kernel, 1)
            assert not recorded and ops.takes_plain("max_pool", x, 2, 2)
        with ops.forms("plain"):
            ops.depthwise_conv(x, kernel, 1)
            assert not recorded
        ops.depthwise_conv(x, kernel, 1)
    assert len(recorded) == 1


def test_plain_is_the_first_form_of_every_operation():
    x = np.ones((1, 4, 4, 2), "float32")
    assert ops.list_forms()["depthwise_conv"][:2] == ["native", "shifted"]
    with ops.forms(depthwise_conv="plain"):
        assert ops.takes_plain("depthwise_conv", x, None, 1)
    with ops.forms("plain"):
        for name in ops.list_forms():
            assert ops.takes_plain(name)


@pytest.mark.parametrize(
    "every, chosen, message",
    [
        (
            None,
            {"depthwise": "plain"},
            "no operation 'depthwise'; known: .*depthwise_c",
        ),
        (None, {"conv": "fast"}, "conv has no form 'fast'; known: plain, matmul"),
        ("fast", {}, "'plain' only, not 'fast'"),
    ],
)
def test_what_does_not_exist_is_named(every, chosen, message):
    with pytest.raises(ValueError, match=message), ops.forms(every, **chosen):
        pass


def test_a_form_is_registered_once():
    with pytest.raises(ValueError, match="has a form 'native' already"):
        ops.register("depthwise_conv", "native", lambda: None)


def test_fast_forms_are_those_of_jax_on_cpus():
    x, kernel = np.ones((1, 4, 4, 2), "float32"), np.ones((3, 3, 2, 1), "float32")
    fast = keras.backend.backend() == "jax"  # the tests see no GPU
    assert ops.takes_plain("depthwise_conv", x, kernel, 1) is not fast
    assert ops.takes_plain("max_pool", x, 2, 2) is not fast
