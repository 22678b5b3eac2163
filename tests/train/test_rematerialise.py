"""Rematerialisation: the same gradients from less memory."""

import keras
import numpy as np
import pytest

from keras_hybrid.bench import cost

FAMILIES = ("ATC", "CvT", "CeiT", "ConViT", "CoAtNet")


def pair(family):
    """The same network without and with it."""
    plain = cost.build(family)
    with keras.RematScope("full"):
        saving = cost.build(family)
    saving.set_weights(plain.get_weights())
    return plain, saving


@pytest.mark.parametrize("family", FAMILIES)
def test_same_gradients(family, gradients, randomise):
    plain, saving = pair(family)
    randomise(plain)
    saving.set_weights(plain.get_weights())
    x = np.random.default_rng(0).normal(size=(2, *plain.input_shape[1:]))
    found = [
        gradients(m, x.astype("float32"), lambda y: keras.ops.sum(y**2), training=True)
        for m in (plain, saving)
    ]
    for (path, first), second in zip(found[0].items(), found[1].values(), strict=True):
        bound = 1e-4 * max(np.abs(first).max(), 1e-3)
        np.testing.assert_allclose(second, first, atol=bound, err_msg=path)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="XLA says it to JAX")
def test_less_memory():
    memory = [
        cost.xla_costs(model)["training"]["temporary"] for model in pair("CoAtNet")
    ]
    assert memory[1] < 0.9 * memory[0]


def test_recipe_builds_with_it():
    from keras_hybrid.data import Split
    from keras_hybrid.data.dataset import Dataset
    from keras_hybrid.train import Recipe
    from keras_hybrid.train.run import _build

    images = np.zeros((4, 32, 32, 3), "uint8")
    split = Split(images, np.zeros(4, int))
    dataset = Dataset("none", split, split, ("a", "b"))
    for wanted in (False, True):
        recipe = Recipe(model="atc3", rematerialise=wanted)
        model = _build(recipe, dataset)
        layer = model.get_layer("stage1_block1_mlp_unit1")
        assert bool(layer._remat_mode and layer._remat_mode.mode) is wanted
    assert Recipe().hash() == Recipe(rematerialise=True).hash()
