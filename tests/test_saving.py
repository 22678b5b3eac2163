"""`.keras` files of every family in a fresh process, under every backend."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.small import FAMILIES, small

LOADER = """
import pathlib, sys, keras, numpy as np, keras_hybrid
for path in pathlib.Path(sys.argv[1]).glob("*.keras"):
    model = keras.models.load_model(path)
    out = model(np.load(path.with_suffix(".npy")), training=False)
    np.save(path.with_suffix(".out.npy"), keras.ops.convert_to_numpy(out))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a model and an input of every family, and the answers."""
    folder = tmp_path_factory.mktemp("saved")
    rng = np.random.default_rng(0)
    expected = {}
    for family, name in FAMILIES.items():
        model = small(name)
        for v in model.variables:
            if "seed_generator" not in v.path:
                value = keras.ops.convert_to_numpy(v)
                v.assign(value + 0.1 * rng.random(value.shape, "float32") - 0.05)
        x = rng.uniform(0, 255, (2, *model.input_shape[1:])).astype("float32")
        expected[family] = keras.ops.convert_to_numpy(model(x, training=False))
        model.save(folder / f"{family}.keras")
        np.save(folder / f"{family}.npy", x)
    return folder, expected


# Each backend reads its own files and those of another.
BACKENDS = ("tensorflow", "jax", "torch")
HERE = BACKENDS.index(keras.backend.backend())


@pytest.mark.parametrize("backend", [BACKENDS[HERE], BACKENDS[HERE - 1]])
def test_reload(backend, saved):
    folder, expected = saved
    subprocess.run(
        [sys.executable, "-c", LOADER, str(folder)],
        env=os.environ | {"KERAS_BACKEND": backend},
        check=True,
        capture_output=True,
    )
    exact = backend == keras.backend.backend()
    for family, answer in expected.items():
        found = np.load(folder / f"{family}.out.npy")
        assert np.ptp(answer, axis=0).max() > 1e-4
        np.testing.assert_allclose(
            found, answer, rtol=0, atol=0 if exact else 1e-5, err_msg=family
        )
