"""Schedule-free AdamW against the paper's algorithm in NumPy, and within a run."""

import keras
import numpy as np
import pytest

from keras_hybrid.train.fit import fit
from keras_hybrid.train.optimizer import make_optimizer
from keras_hybrid.train.schedule_free import ScheduleFreeAdamW
from tests.train.tiny import images, interrupting, network, recipe

RATES = [0.02, 0.05, 0.1, 0.1, 0.1, 0.1]
BETA_1, BETA_2, DECAY = 0.9, 0.99, 0.3


def value(tensor):
    return keras.ops.convert_to_numpy(tensor).copy()


def published(y, gradients):
    """y and x after every step, in float64."""
    x = z = y
    moment = total = 0.0
    for t, (rate, gradient) in enumerate(zip(RATES, gradients, strict=True), 1):
        moment = BETA_2 * moment + (1 - BETA_2) * gradient**2
        direction = gradient / (np.sqrt(moment / (1 - BETA_2**t)) + 1e-8)
        z = z - rate * (direction + DECAY * y)
        total += rate**2
        c = rate**2 / total
        x = (1 - c) * x + c * z
        y = (1 - BETA_1) * z + BETA_1 * x
        yield y, x


@pytest.mark.parametrize("accumulation", [None, 2])
def test_it_is_the_published_algorithm(accumulation):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(3, 4)), rng.normal(size=(len(RATES), 3, 4))
    variable = keras.Variable(start, dtype="float32")
    optimizer = ScheduleFreeAdamW(
        0.1,
        weight_decay=DECAY,
        beta_1=BETA_1,
        beta_2=BETA_2,
        gradient_accumulation_steps=accumulation,
    )
    points = list(published(start, gradients))
    for rate, gradient, (y, _) in zip(RATES, gradients, points, strict=True):
        optimizer.learning_rate = rate
        shift = rng.normal(size=gradient.shape)
        parts = [gradient - shift, gradient + shift] if accumulation else [gradient]
        for part in parts:
            tensor = keras.ops.convert_to_tensor(part.astype("float32"))
            optimizer.apply([tensor], [variable])
        np.testing.assert_allclose(value(variable), y, atol=1e-5)
    y, x = points[-1]
    assert abs(x - y).max() > 0.01
    optimizer.finalize_variable_values([variable])
    np.testing.assert_allclose(value(variable), x, atol=1e-5)


def test_decay_has_the_rate_of_its_layer_once():
    start = np.linspace(1, 2, 4)
    variable = keras.Variable(start, dtype="float32", name="kernel")
    model = keras.Model(*[keras.Input((2,))] * 2)
    optimizer = make_optimizer(
        "schedule_free", model, 0.1, 0.5, None, rates={variable.path: 0.5}
    )
    optimizer.apply([keras.ops.zeros(4)], [variable])
    np.testing.assert_allclose(
        value(variable), start * (1 - 0.1 * 0.5 * 0.5), rtol=1e-6
    )


def test_a_run_resumes_and_ends_with_the_average(tmp_path):
    settings = recipe(epochs=3, warmup_epochs=1, optimizer="schedule_free")
    nets = [network(), network()]
    nets[1].set_weights(nets[0].get_weights())
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    fit(settings, tmp_path / "whole", nets[0], images(), None)
    with pytest.raises(KeyboardInterrupt):
        fit(
            settings,
            tmp_path / "parts",
            nets[1],
            images(),
            None,
            callbacks=interrupting(2),
        )
    fit(settings, tmp_path / "parts", nets[1], images(), None)
    for whole, parts in zip(*(net.get_weights() for net in nets), strict=True):
        np.testing.assert_allclose(parts, whole, atol=1e-5)


def test_another_average_is_refused():
    with pytest.raises(ValueError, match="leave out --ema-momentum"):
        recipe(optimizer="schedule_free", ema_momentum=0.9)
