"""A `.keras` file in a fresh process, under every backend."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_hybrid import models

LOADER = """
import sys, keras, numpy as np, keras_hybrid
model = keras.models.load_model(sys.argv[1])
out = model(np.load(sys.argv[2]), training=False)
np.save(sys.argv[3], keras.ops.convert_to_numpy(out))
"""
SMALL = {"widths": (16, 32, 48), "heads": (1, 2, 3), "depths": (1, 1, 2)}


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_reload(backend, randomise, tmp_path):
    model = randomise(models.ATC(embedding="residual", **SMALL))
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    expected = keras.ops.convert_to_numpy(model(x, training=False))
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    names = ("model.keras", "x.npy", "out.npy")
    subprocess.run(
        [sys.executable, "-c", LOADER, *(str(tmp_path / name) for name in names)],
        env=os.environ | {"KERAS_BACKEND": backend},
        check=True,
        capture_output=True,
    )
    found = np.load(tmp_path / "out.npy")
    same = backend == keras.backend.backend()
    np.testing.assert_allclose(found, expected, rtol=0, atol=0 if same else 1e-5)
