"""The logger measures the trained model and does not change the training."""

import keras
import numpy as np
import pytest

from keras_hybrid.analysis import (
    LocalityLogger,
    attention_centers,
    d_loc,
    gates,
    read_log,
)
from tests.analysis.conftest import build

EPOCHS = 2


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (24, 32, 24, 3)).astype("float32")
    return images, rng.integers(0, 5, 24)


def fit(data, callbacks=(), epochs=EPOCHS, **more):
    keras.utils.set_random_seed(3)
    model = build()
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    settings = {"batch_size": 8, "shuffle": False, "verbose": 0}
    history = model.fit(
        *data, epochs=epochs, callbacks=list(callbacks), **settings, **more
    )
    return model, history.history["loss"]


def test_log_of_a_training(data, tmp_path):
    path = tmp_path / "locality.csv"
    logger = LocalityLogger(path, data[0][:4])
    model, losses = fit(data, [logger])
    rows = read_log(path)
    assert len(rows) == (1 + EPOCHS) * 3 * 4  # epochs, layers, heads
    assert len(logger.seconds) == 1 + EPOCHS
    last = {(r["layer"], r["head"]): r for r in rows if r["epoch"] == EPOCHS}
    for layer, heads in d_loc(model, data[0][:4]).items():
        for head, value in enumerate(heads):
            row = last[layer, head]
            np.testing.assert_allclose(row["d_loc"], value, rtol=1e-4)
            if layer == "block3_attention":
                assert row["gate"] is row["strength"] is row["distance"] is None
                continue
            np.testing.assert_allclose(
                row["gate"], gates(model)[layer][head], rtol=1e-5
            )
            center = attention_centers(model)[layer]
            np.testing.assert_allclose(
                row["strength"], center.strength[head], rtol=1e-5
            )
            np.testing.assert_allclose(
                row["distance"], center.distance[head], rtol=1e-5
            )
    first = [row for row in rows if row["epoch"] == 0 and row["gate"]]
    np.testing.assert_allclose([row["gate"] for row in first], 0.731059)
    moved = [row["gate"] for row in last.values() if row["gate"]]
    assert np.std(moved) > 1e-6  # training has moved the gates
    # the training without a logger gives the same weights
    again, losses_alone = fit(data)
    assert losses == losses_alone
    for logged, plain in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(logged, plain)


def test_a_resumed_run_keeps_its_lines(data, tmp_path):
    path = tmp_path / "locality.csv"
    fit(data, [LocalityLogger(path, data[0][:2])], epochs=2)
    text = path.read_text()
    path.write_text(text + "3,block1_atten")  # killed while it wrote
    fit(data, [LocalityLogger(path, data[0][:2])], epochs=2, initial_epoch=1)
    rows = read_log(path)
    assert [row["epoch"] for row in rows] == sorted([0, 1, 2] * 12)
    before = [line for line in text.splitlines() if line.startswith(("0,", "1,"))]
    assert path.read_text().splitlines()[1:25] == before


def test_every_other_epoch_of_a_wrapped_network(data, tmp_path):
    network = build()
    wrapped = keras.Sequential([keras.Input((32, 24, 3)), network])
    wrapped.compile("sgd", "sparse_categorical_crossentropy")
    logger = LocalityLogger(tmp_path / "a.csv", data[0][:2], every=2, network=network)
    wrapped.fit(*data, epochs=3, callbacks=[logger], verbose=0)
    assert sorted({row["epoch"] for row in read_log(tmp_path / "a.csv")}) == [0, 2]
