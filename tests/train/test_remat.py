"""Rematerialisation: the same training from less memory, on JAX."""

import os

import keras
import numpy as np
import pytest

from benchmarks.costs import NETWORKS
from keras_hybrid import models, ops
from keras_hybrid.data import Split
from keras_hybrid.train import Recipe, run
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.fit import fit
from keras_hybrid.train.remat import SCHEDULER_FLAG, RematAugmented, remat_scheduler

BACKEND = keras.backend.backend()
only_jax = pytest.mark.skipif(BACKEND != "jax", reason="needs JAX")
RECIPE = Recipe.of(
    epochs=1,
    warmup_epochs=0,
    batch_size=4,
    mixup=0.8,
    dropout_rate=0.1,
    horizontal_flip=True,
)


def network(family):
    keras.utils.set_random_seed(0)
    return getattr(models, family)(
        classes=4,
        classifier_activation=None,
        drop_path_rate=0.2,
        **NETWORKS[family],
    )


@only_jax
@pytest.mark.parametrize("family", ["ATC", "CoAtNet"])
def test_trains_the_same(family, tmp_path):
    """With BatchNorm, stochastic depth, dropout and augmentation.

    Norms take one form in both runs: a bias before one has the gradient 0, and Adam
    makes whole steps of how it is rounded.
    """
    rng = np.random.default_rng(0)
    side = NETWORKS[family].get("input_shape", (32,))[0]
    images = rng.integers(0, 256, (12, side, side, 3), dtype="uint8")
    split = Split(images, np.arange(12) % 4)
    weights = []
    for name, remat in (("plain", False), ("saving", True)):
        directory = tmp_path / name
        directory.mkdir()
        model = network(family)
        recipe = RECIPE.replace(remat=remat)
        with ops.forms(batch_normalization="plain"):
            fit(recipe, directory, model, split, split.take(np.arange(4)))
        weights.append({w.path: np.asarray(w.value, float) for w in model.weights})
    for path, value in weights[0].items():
        np.testing.assert_allclose(weights[1][path], value, atol=1e-4, err_msg=path)
    assert Recipe.of(remat=True).hash() == Recipe().hash()


@only_jax
@pytest.mark.parametrize("kind, plain", [(Augmented, False), (RematAugmented, True)])
def test_norms_and_dense_are_plain_where_activations_are_recomputed(kind, plain):
    seen = []

    class Probe(keras.layers.Layer):
        def call(self, x):
            seen.append(ops.uses_plain("batch_normalization", x, x, x, 0.1))
            seen.append(ops.uses_plain("dense", x, x))
            return x

    inputs = keras.Input((4, 4, 3))
    outputs = keras.layers.Flatten()(Probe()(inputs))
    model = kind(keras.Model(inputs, outputs))
    del seen[:]
    x = np.zeros((2, 4, 4, 3), "float32")
    model.stateless_call([], [], x, training=True)
    assert seen == [plain, plain]


@only_jax
def test_users_flags_stay(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=there")
    with remat_scheduler():
        flags = os.environ["XLA_FLAGS"].split()
        assert flags == ["--xla_dump_to=there", f"--{SCHEDULER_FLAG}=false"]
    assert os.environ["XLA_FLAGS"] == "--xla_dump_to=there"
    monkeypatch.setenv("XLA_FLAGS", f"--{SCHEDULER_FLAG}=true")
    with remat_scheduler():
        assert os.environ["XLA_FLAGS"] == f"--{SCHEDULER_FLAG}=true"
    monkeypatch.delenv("XLA_FLAGS")
    with pytest.raises(KeyError), remat_scheduler():
        raise KeyError
    assert "XLA_FLAGS" not in os.environ


@pytest.mark.skipif(BACKEND == "jax", reason="JAX has it")
def test_other_backends_say_no_and_leave_nothing(tmp_path):
    recipe = Recipe.of(remat=True, workdir=str(tmp_path / "run"))
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax"):
        run(recipe)
    assert not (tmp_path / "run").exists()
