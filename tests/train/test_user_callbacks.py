"""Callbacks and metrics that a user gives to `run`, and what `run` returns."""

import importlib
import json

import keras
import numpy as np
import pytest

from keras_hybrid.data import Evaluation
from keras_hybrid.train import run
from keras_hybrid.train.devices import Devices
from keras_hybrid.train.evaluate import scorer
from keras_hybrid.train.tasks import get_task
from keras_hybrid.train.user_metrics import check_metrics
from tests.train.test_selection import load_blobs
from tests.train.tiny import run_on


class Recorder(keras.callbacks.Callback):
    """Keeps the epochs and their logs; interrupts the run in one of them."""

    def __init__(self, interrupt=None):
        super().__init__()
        self.interrupt = interrupt
        self.logs, self.networks, self.began = {}, [], 0

    def on_train_begin(self, logs=None):
        self.began += 1
        self.networks.append(self.model.network)

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.interrupt:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        self.logs[epoch] = dict(logs)


@pytest.fixture
def blobs(monkeypatch, tmp_path):
    fields = {"epochs": 3, "warmup_epochs": 0, "batch_size": 20, "learning_rate": 5e-3}
    fields |= {"validation_split": 0.3}
    return run_on(load_blobs, monkeypatch, tmp_path / "run", **fields)


def metrics():
    return [
        keras.metrics.F1Score("macro", name="f1"),
        keras.metrics.CategoricalCrossentropy(name="nll"),  # of probabilities
        keras.metrics.TopKCategoricalAccuracy(2, name="top2"),
    ]


def epochs_of(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_stopped_run_goes_on_with_callbacks_and_metrics(blobs, tmp_path):
    stopped, resumed = Recorder(interrupt=1), Recorder()
    with pytest.raises(KeyboardInterrupt):
        run(blobs, [stopped], metrics())
    assert list(stopped.logs) == [0]
    result = run(blobs, [resumed], metrics())
    assert list(resumed.logs) == [1, 2]
    assert resumed.networks[0].output_shape == (None, 3)
    logged = epochs_of(tmp_path / "run")
    assert [epoch["epoch"] for epoch in logged] == [1, 2, 3]
    for epoch in logged:
        for name in ("f1", "val_f1", "nll", "val_nll", "top2", "val_top2"):
            assert 0 <= epoch[name] <= (9 if "nll" in name else 1)
    last = resumed.logs[2]
    assert logged[-1]["val_nll"] == pytest.approx(last["val_nll"], rel=1e-5)
    assert result.metrics["validation_nll"] == logged[-1]["val_nll"]
    # complete: read, not trained
    again = Recorder()
    assert run(blobs, [again]) == result and not again.began


def test_metrics_are_right(blobs, tmp_path, monkeypatch):
    """Those of the validation images, beside scikit-learn's."""
    sklearn = pytest.importorskip("sklearn.metrics")
    module, kept = importlib.import_module("keras_hybrid.train.run"), []
    fit = module.fit
    monkeypatch.setattr(
        module, "fit", lambda *arguments: kept.append(arguments[4]) or fit(*arguments)
    )
    result = run(blobs.replace(epochs=1), metrics=metrics())
    (validation,) = kept
    network = scorer(result.load(), "none")
    images = Evaluation(validation, 3, 128)
    logits = network.predict(images, verbose=0)[: len(validation)]
    f1 = sklearn.f1_score(validation.labels, logits.argmax(-1), average="macro")
    top2 = sklearn.top_k_accuracy_score(validation.labels, logits, k=2)
    assert result.metrics["validation_f1"] == pytest.approx(f1, abs=1e-5)
    assert result.metrics["validation_top2"] == pytest.approx(top2, abs=1e-5)
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    nll = sklearn.log_loss(validation.labels, probabilities)
    assert result.metrics["validation_nll"] == pytest.approx(nll, rel=1e-3)


def test_the_result(blobs, tmp_path):
    result = run(blobs.replace(epochs=1))
    card = json.loads((tmp_path / "run/card.json").read_text())
    assert result.card == card and result.metrics == card["metrics"]
    assert result.directory == tmp_path / "run" and result.model_file.exists()
    assert result.load().output_shape == (None, 3)


@pytest.mark.backend_independent
def test_a_callback_can_stop_a_run(blobs, tmp_path):
    stop = keras.callbacks.EarlyStopping("loss", min_delta=1e9, patience=1)
    result = run(blobs.replace(epochs=9), [stop])
    assert result.metrics["epochs"] == len(epochs_of(tmp_path / "run")) == 2


@pytest.mark.backend_independent
def test_folds_share_callbacks_unless_a_function_makes_them(blobs, tmp_path):
    shared, made = Recorder(), []
    settings = blobs.replace(folds=2, epochs=1, validation_split=0.0)
    result = run(settings, [shared], metrics()[:1])
    assert shared.began == 2 and shared.networks[0] is not shared.networks[1]
    assert "validation_f1_mean" in result.metrics

    def factory(recipe, directory, network, split):
        made.append(directory.name)
        return [Recorder()]

    run(settings.replace(workdir=str(tmp_path / "other")), factory)
    assert made == ["fold1", "fold2"]


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("accuracy", "objects of keras.metrics.Metric, not 'accuracy'"),
        (keras.metrics.Mean(name="loss"), "'loss' already"),
        (keras.metrics.F1Score(None), r"single number, not \(3,\)"),
        (keras.metrics.SparseCategoricalAccuracy(), "does not take one-hot labels"),
    ],
)
def test_metrics_that_are_refused(metric, message, blobs, tmp_path):
    with pytest.raises(ValueError, match=message):
        run(blobs, metrics=[metric])
    assert not (tmp_path / "run").exists()


@pytest.mark.backend_independent
def test_replicas_of_tensorflow_take_no_metrics(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    check_metrics([], get_task("classification"), 3, Devices(replicas=2))
    with pytest.raises(ValueError, match="--devices 1"):
        check_metrics(metrics(), get_task("classification"), 3, Devices(replicas=2))
