"""The benchmark of label reviews changes labels, and counts those that are found."""

import numpy as np
import pytest

from benchmarks.label_review import draw, measure
from keras_hybrid.data import Split

pytestmark = pytest.mark.backend_independent


def test_changed_labels_are_found():
    rng = np.random.default_rng(0)
    stripes = 60 * np.sin(np.arange(32) * 1.2 + rng.uniform(0, 6, (60, 1)))
    pixels = 128 + 20 * rng.normal(size=(60, 32, 32, 3))
    pixels[::2] += stripes[::2, :, None, None]
    pixels[1::2] += stripes[1::2, None, :, None]
    split = Split(pixels.clip(0, 255).astype("uint8"), np.arange(60) % 2)
    images, labels = draw(split, 2, 25, rng)
    assert images.shape == (50, 32, 32, 3) and np.bincount(labels).tolist() == [25, 25]
    row = measure(images, labels, 0.1, rng)
    assert row["precision"] == 1 and row["low"] <= 0.1 <= row["high"]
    assert measure(images, labels, 0.0, rng)["precision"] is None
