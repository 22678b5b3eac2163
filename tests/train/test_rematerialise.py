"""Rematerialisation: the same gradients from less memory."""

import keras
import numpy as np
import pytest

from keras_hybrid.bench import cost
from keras_hybrid.data import Split
from keras_hybrid.data.dataset import Dataset
from keras_hybrid.train import Recipe
from keras_hybrid.train.run import _build

BACKEND = keras.backend.backend()
FAMILIES = ("ATC", "CvT", "CeiT", "ConViT", "CoAtNet")


def pair(family):
    """The same network without and with it."""
    plain = cost.build(family, drop_path_rate=0.0)
    with keras.RematScope("full"):
        saving = cost.build(family, drop_path_rate=0.0)
    saving.set_weights(plain.get_weights())
    return plain, saving


@pytest.mark.skipif(BACKEND == "tensorflow", reason="loses some, so it is refused")
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
    largest = max(np.abs(value).max() for value in found[0].values())
    for (path, first), second in zip(found[0].items(), found[1].values(), strict=True):
        bound = max(1e-4 * np.abs(first).max(), 1e-6 * largest)
        np.testing.assert_allclose(second, first, atol=bound, err_msg=path)


@pytest.mark.skipif(BACKEND != "jax", reason="XLA says it to JAX")
def test_less_memory():
    memory = [
        cost.xla_costs(model)["training"]["temporary"] for model in pair("CoAtNet")
    ]
    assert memory[1] < 0.9 * memory[0]


def test_recipe_builds_with_it():
    images = np.zeros((4, 32, 32, 3), "uint8")
    split = Split(images, np.zeros(4, int))
    dataset = Dataset("none", split, split, ("a", "b"))
    recipe = Recipe(model="atc3", rematerialise=True)
    if BACKEND == "tensorflow":
        with pytest.raises(ValueError, match="use JAX or torch"):
            _build(recipe, dataset)
    else:
        layer = _build(recipe, dataset).get_layer("stage1_block1_mlp_unit1")
        assert layer._remat_mode.mode == "full"
    layer = _build(Recipe(model="atc3"), dataset).get_layer("stage1_block1_mlp_unit1")
    assert not (layer._remat_mode and layer._remat_mode.mode)
    assert Recipe(model="atc3").hash() == recipe.hash()
