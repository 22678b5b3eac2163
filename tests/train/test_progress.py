"""How far a run is: shares of the work, the size of images there, a time budget."""

import json

import keras
import numpy as np
import pytest

from keras_hybrid.data import Batches
from keras_hybrid.train import Optimization, ProgressSchedule, make_optimizer
from keras_hybrid.train import progress as module
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.fit import fit
from keras_hybrid.train.progress import Progress
from tests.train.tiny import CLASSES, images, recipe


def convolutional(size=32):
    """A network for images of any size."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3, strides=2)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


def walk(progress, clock=None, seconds=lambda scale: 1.0):
    """The scale and the share of every epoch of a run that takes no steps."""
    clock = clock or Clock()
    model = keras.Model()
    model.stop_training = False
    progress.set_model(model)
    epochs = []
    while not progress.finished:
        scale = progress.scale
        if progress.seconds and not progress.measured:
            progress.plan(seconds(scale) / progress.batches.steps_per_epoch)
        progress.on_epoch_begin(progress.epoch)
        clock.time += seconds(scale)
        progress.on_epoch_end(progress.epoch)
        epochs.append((scale, progress._share))
    return epochs


def made(size=(32, 32), **fields):
    schedule = ProgressSchedule(1.0, 0.0, 0.0, 1)
    batches = Batches(images(), 4, CLASSES, 0)
    return Progress(Optimization(**fields), size, batches, schedule)


@pytest.mark.backend_independent
@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 30, 101])
def test_every_size_has_its_share_of_the_work(epochs):
    progress = made(epochs=epochs, warmup_epochs=0, progressive_resizing=True)
    found = walk(progress)
    assert len(found) == epochs
    assert np.isclose(sum(share for _, share in found), 1)
    scales = [scale for scale, _ in found]
    assert scales == sorted(scales) and scales[-1] == 1
    if epochs == 101:
        half = sum(share for scale, share in found if scale == 0.5)
        assert abs(half - 0.4) < 0.02
        middle = sum(share for scale, share in found if scale == 0.75)
        assert abs(middle - 0.35) < 0.02


@pytest.mark.backend_independent
def test_small_images_are_not_made_smaller():
    assert [s for s, _ in made((20, 20), progressive_resizing=True).scales] == [1]
    found = [s for s, _ in made((24, 40), progressive_resizing=True).scales]
    assert found == [0.75, 1]


@pytest.mark.backend_independent
@pytest.mark.parametrize("resizing", [False, True])
@pytest.mark.parametrize("later", [1.0, 1.6, 0.5])
def test_a_run_ends_with_its_time(monkeypatch, resizing, later):
    """Also on a machine that becomes slower or faster in the middle of the run."""
    clock = Clock()
    monkeypatch.setattr(module, "clock", clock)
    progress = made(minutes=20, progressive_resizing=resizing)

    def seconds(scale):
        return 30 * scale**2 * (later if progress.reached > 0.5 else 1.0)

    found = walk(progress, clock, seconds)
    assert abs(clock.time / 1200 - 1) < 0.04
    assert np.isclose(sum(share for _, share in found), 1)


@pytest.mark.backend_independent
def test_too_little_time_is_said_at_once(monkeypatch):
    monkeypatch.setattr(module, "clock", lambda: 0.0)
    progress = made(minutes=1)
    message = r"takes about 120\.0 seconds, and 60\.0 .*give --minutes 8 or more"
    with pytest.raises(ValueError, match=message):
        progress.plan(20.0)
    made(minutes=8).plan(20.0)  # as advised


@pytest.mark.backend_independent
@pytest.mark.parametrize(("elapsed", "finished"), [(50.0, False), (55.0, True)])
def test_a_resumed_run_with_little_time_left_ends_well(monkeypatch, elapsed, finished):
    """Epochs take 12 seconds: with 10 left one more is trained, with 5 none."""
    monkeypatch.setattr(module, "clock", lambda: 0.0)
    schedule = ProgressSchedule(1.0, 0.0, 0.0, 1)
    batches = Batches(images(), 4, CLASSES, 0)
    settings = Optimization(minutes=1)
    progress = Progress(settings, (32, 32), batches, schedule, 3, 0.8, elapsed)
    progress.plan(2.0)
    assert progress.finished == finished
    if not finished:
        assert progress.epochs_left() == 1
        progress.on_epoch_begin(3)
        assert progress._share == pytest.approx(0.2)


def test_a_stop_at_the_end_of_a_size_is_heard(tmp_path):
    """Epochs 1 to 4 of six have small images; a callback stops after one of them."""
    for last in (2, 4):
        folder = tmp_path / str(last)
        folder.mkdir()
        settings = recipe(epochs=6, warmup_epochs=0, progressive_resizing=True)

        def stop(*_, last=last):
            def on_epoch_end(epoch, logs):
                if epoch + 1 == last:
                    callback.model.stop_training = True

            callback = keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end)
            return [callback]

        fit(settings, folder, convolutional(), images(size=32), None, callbacks=stop)
        assert len((folder / "metrics.jsonl").read_text().splitlines()) == last


@pytest.mark.backend_independent
@pytest.mark.parametrize("warmup", [0.0, 0.1])
@pytest.mark.parametrize("curve", ["cosine", "linear", "wsd"])
def test_curves_go_from_peak_to_final(curve, warmup):
    schedule = ProgressSchedule(1.0, 0.01, warmup, 100, curve)
    rates = [float(keras.ops.convert_to_numpy(schedule(i))) for i in range(120)]
    peak = int(100 * warmup)
    assert np.isclose(max(rates), 1.0) and np.isclose(rates[peak], 1.0, atol=1e-5)
    assert np.allclose(rates[100:], 0.01)
    assert all(np.diff(rates[peak:]) <= 1e-6)
    middle = {"cosine": 0.505, "linear": 0.505, "wsd": 1.0}[curve]
    assert np.isclose(rates[50 + peak // 2], middle, atol=1e-3)


@pytest.mark.backend_independent
def test_the_schedule_follows_a_correction():
    schedule = ProgressSchedule(1.0, 0.0, 0.0, 100, "linear")
    schedule.set_progress(50, 0.8, 0.02)
    rates = [float(keras.ops.convert_to_numpy(schedule(i))) for i in (50, 55, 60, 70)]
    np.testing.assert_allclose(rates, [0.2, 0.1, 0.0, 0.0], atol=1e-6)


def test_the_network_sees_every_size(tmp_path):
    """And the learning rate ends where the schedule does."""
    settings = recipe(epochs=8, warmup_epochs=0, progressive_resizing=True)
    network = convolutional()
    fit(settings, tmp_path, network, images(size=32), images(size=32))
    lines = [
        json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()
    ]
    assert [line["epoch"] for line in lines] == list(range(1, 9))
    steps = np.diff([0] + [line["progress"] for line in lines])
    assert np.isclose(steps[0] / steps[-1], 0.25, atol=1e-3)
    assert np.isclose(lines[-1]["learning_rate"], 1e-5, rtol=1e-3)
    assert network.input_shape == (None, 32, 32, 3)


@pytest.mark.backend_independent
def test_a_budget_trains_as_long_as_it_says(tmp_path):
    settings = recipe(minutes=0.1, warmup_epochs=None, progressive_resizing=True)
    fit(settings, tmp_path, convolutional(), images(48, size=32), None)
    last = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["progress"] == 1 and abs(last["elapsed_seconds"] - 6) < 2
    assert np.isclose(last["learning_rate"], 1e-5, rtol=1e-3)


def test_measuring_a_step_changes_nothing(tmp_path):
    """Neither weights nor the optimizer's state, its step number included."""
    model = Augmented(convolutional())
    optimizer = make_optimizer("adamw", model, 0.1, 0.1, None)
    model.compile(optimizer, "categorical_crossentropy")
    optimizer.build(model.trainable_variables)
    state = [*model.variables, *optimizer.variables]
    before = [keras.ops.convert_to_numpy(v).copy() for v in state]
    batches = Batches(images(size=32), 4, CLASSES, 0)
    assert module.step_seconds(model, batches) > 0
    for old, variable in zip(before, state, strict=True):
        np.testing.assert_array_equal(old, keras.ops.convert_to_numpy(variable))
