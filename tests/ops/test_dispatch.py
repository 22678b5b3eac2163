"""The forms of operations, and which of them is used."""

import subprocess
import sys
import threading

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


def test_a_form_from_outside_is_used_within_its_scope(recorded):
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


def test_the_form_registered_last_is_used_where_it_applies(recorded):
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
            assert not recorded and ops.uses_plain("max_pool", x, 2, 2)
        with ops.forms("plain"):
            ops.depthwise_conv(x, kernel, 1)
            assert not recorded
        ops.depthwise_conv(x, kernel, 1)
    assert len(recorded) == 1


def plain_in_a_thread(chosen=None):
    """Whether a new thread computes max_pool in its plain form."""
    found = []

    def look():
        x = np.ones((1, 4, 4, 2), "float32")
        if chosen is None:
            found.append(ops.uses_plain("max_pool", x, 2, 2))
        else:
            with ops.forms(max_pool=chosen):
                found.append(ops.uses_plain("max_pool", x, 2, 2))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_without_a_scope_sees_the_last_one():
    fast = ops.list_forms()["max_pool"][-1]
    outside = plain_in_a_thread()
    with ops.forms(max_pool=fast):
        assert not plain_in_a_thread()
        with ops.forms("plain"):
            assert plain_in_a_thread()
            assert not plain_in_a_thread(fast)
        assert not plain_in_a_thread()
        assert plain_in_a_thread("plain")
    assert plain_in_a_thread() is outside


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="replicas of tf.distribute"
)
def test_replicas_see_the_scope_around_them():
    code = (
        "import tensorflow as tf; from keras_hybrid import ops; "
        "devices = [tf.config.LogicalDeviceConfiguration()] * 2; "
        "cpu = tf.config.list_physical_devices('CPU')[0]; "
        "tf.config.set_logical_device_configuration(cpu, devices); "
        "strategy = tf.distribute.MirroredStrategy(['CPU:0', 'CPU:1']); seen = []; "
        "look = lambda: seen.append(ops.uses_plain('gelu', tf.ones(1))); "
        "step = tf.function(lambda: strategy.run(look))\n"
        "with ops.forms('plain'): step()\n"
        "strategy.run(look); print(seen)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[True, True, False, False]"


def test_plain_is_the_first_form_of_every_operation():
    x = np.ones((1, 4, 4, 2), "float32")
    assert ops.list_forms()["depthwise_conv"][:2] == ["plain", "shifted"]
    with ops.forms(depthwise_conv="plain"):
        assert ops.uses_plain("depthwise_conv", x, None, 1)
    with ops.forms("plain"):
        for name, forms in ops.list_forms().items():
            assert forms[0] == "plain"
            assert ops.uses_plain(name)


@pytest.mark.parametrize(
    "every, chosen, message",
    [
        (
            None,
            {"depthwise": "plain"},
            r"no operation 'depthwise'. Nearest: depthwise_conv\.",
        ),
        (None, {"conv": "fast"}, "conv has no form 'fast'; known: plain, matmul"),
        ("fast", {}, "'plain' only, not 'fast'"),
    ],
)
def test_what_does_not_exist_is_named(every, chosen, message):
    with pytest.raises(ValueError, match=message), ops.forms(every, **chosen):
        pass


@pytest.mark.parametrize("form", ["plain", "shifted", "auto"])
def test_a_form_is_registered_once(form):
    with pytest.raises(ValueError, match=f"has a form '{form}' already"):
        ops.register("depthwise_conv", form, lambda: None)


def test_an_operation_from_outside_is_an_error():
    before = ops.list_forms()
    with pytest.raises(ValueError, match=r"'max_pol'. Nearest: max_pool\.$"):
        ops.register("max_pol", "plain", lambda: None)
    with pytest.raises(ValueError, match=r"'zzz'. Nearest: .*gelu.*dense"):
        ops.unregister("zzz", "plain")
    assert ops.list_forms() == before


@pytest.mark.parametrize(
    "form, message",
    [
        ("nope", "conv has no form 'nope'; known: plain, matmul_gradient, auto"),
        ("plain", "The form 'plain' of conv cannot be removed"),
    ],
)
def test_only_registered_forms_are_removed(form, message):
    with pytest.raises(ValueError, match=message):
        ops.unregister("conv", form)
    assert ops.list_forms()["conv"] == ["plain", "matmul_gradient"]


def test_fast_forms_are_those_of_jax_on_cpus():
    x, kernel = np.ones((1, 4, 4, 2), "float32"), np.ones((3, 3, 2, 1), "float32")
    fast = keras.backend.backend() == "jax"  # the tests see no GPU
    assert ops.uses_plain("depthwise_conv", x, kernel, 1) is not fast
    assert ops.uses_plain("max_pool", x, 2, 2) is not fast
