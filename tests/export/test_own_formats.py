"""Each format written on the backend that writes it, for the matrix of versions."""

import keras
import numpy as np
import pytest

from keras_hybrid.export import FORMATS, export
from tests.export.conftest import WRITTEN, small_atc

HERE = [name for name, x in WRITTEN.items() if x.backend == keras.backend.backend()]


@pytest.mark.slow  # `test_export.py` writes every format once
@pytest.mark.parametrize("format", HERE)
def test_own_format(format, randomise, tmp_path):
    for package in FORMATS[format].needs:
        pytest.importorskip(package)
    randomise(small_atc()).save(tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 24, 3), dtype="uint8")
    (report,) = export(
        tmp_path / "model.keras", [format], tmp_path, False, images, images
    )
    assert report.path.exists() and report.max_difference > 0
