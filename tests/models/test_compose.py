"""Networks as layers of other models: the examples of the docs, and every family."""

import os
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from keras_hybrid import models
from tests.small import FAMILIES, noise, shrink, small

pytestmark = pytest.mark.backend_independent

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "compose.md"
EXAMPLES = {
    match[1]: match[2]
    for match in re.finditer(
        r"^## (.+?)\n.*?```python\n(.*?)^```", PAGE.read_text(), re.S | re.M
    )
}
LOADER = """
import pathlib, sys, keras, numpy as np, keras_hybrid
for path in pathlib.Path(sys.argv[1]).glob("*.x.npz"):
    path = path.with_suffix("").with_suffix(".keras")
    model = keras.saving.load_model(path)
    with np.load(path.with_suffix(".x.npz")) as file:
        inputs = [file[name] for name in file.files]
    found = model(inputs if len(inputs) > 1 else inputs[0])
    found = {str(i): keras.ops.convert_to_numpy(x)
             for i, x in enumerate(keras.tree.flatten(found))}
    np.savez(path.with_suffix(".y.npz"), **found)
"""


def inputs_of(model):
    values = [128 + 50 * noise(2, *x.shape[1:]) for x in model.inputs]
    return values if len(values) > 1 else values[0]


def assert_reloads(built, folder):
    """All models answer the same after `load_model` in one fresh process."""
    for name, model in built.items():
        model.save(folder / f"{name}.keras")
        x = inputs_of(model)
        np.savez(folder / f"{name}.x.npz", *(x if isinstance(x, list) else [x]))
    subprocess.run(
        [sys.executable, "-c", LOADER, str(folder)],
        check=True,
        env=os.environ,
        capture_output=True,
    )
    for name, model in built.items():
        expected = keras.tree.flatten(model(inputs_of(model)))
        with np.load(folder / f"{name}.y.npz") as found:
            assert len(found.files) == len(expected)
            for i, value in enumerate(expected):
                value = keras.ops.convert_to_numpy(value)
                assert np.ptp(value) > 0
                np.testing.assert_allclose(found[str(i)], value, 0, 1e-5, err_msg=name)


def test_the_examples_of_the_docs(tmp_path, monkeypatch):
    """Each trains for a step, backbone included, and is saved and loaded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keras.Model, "fit", stepping(keras.Model.fit))
    built = {}
    assert len(EXAMPLES) == 5
    for title, code in EXAMPLES.items():
        namespace = {}
        exec(compile(code, title, "exec"), namespace)
        built[title] = namespace["model"]
    assert_reloads(built, tmp_path)


def stepping(fit):
    """`fit`, after which every weight that can be trained has moved."""

    def checked(model, *arguments, **options):
        before = [np.array(x) for x in model.get_weights()]
        trained = {id(v) for v in model.trainable_variables}
        history = fit(model, *arguments, verbose=0, **options)
        assert np.isfinite(history.history["loss"]).all()
        moved = [
            not np.array_equal(old, keras.ops.convert_to_numpy(v))
            for old, v in zip(before, model.weights, strict=True)
            if id(v) in trained
        ]
        # a bias before a batch norm or in keys has no gradient
        assert np.mean(moved) > 0.9
        return history

    return checked


@pytest.mark.slow
def test_every_family(tmp_path):
    """As a layer over time, and as a pyramid."""
    built = {}
    for family, name in FAMILIES.items():
        backbone = small(name, include_top=False, pooling="avg")
        shape = backbone.input_shape[1:]
        video = keras.Input((2, *shape))
        frames = layers.TimeDistributed(backbone)(video)
        built[f"{family}-frames"] = keras.Model(video, layers.Dense(2)(frames))
        image = keras.Input(shape)
        maps = models.features(small(name, include_top=False))(image)
        heads = [layers.Conv2D(2, 1)(x) for x in maps.values()]
        built[f"{family}-maps"] = keras.Model(image, heads)
    assert_reloads(built, tmp_path)


def test_two_of_one_kind(tmp_path):
    """With names of their own, and one of them shared between two inputs."""
    thin = shrink(models.get("atc3")) | {"input_shape": (16, 16, 3)}
    left, right = (
        models.ATC3(include_top=False, pooling="avg", name=name, **thin)
        for name in ("left", "right")
    )
    one, two = keras.Input((16, 16, 3)), keras.Input((16, 16, 3))
    vectors = [left(one), right(one), left(two)]
    model = keras.Model([one, two], layers.Dense(2)(layers.Concatenate()(vectors)))
    assert_reloads({"two": model}, tmp_path)
