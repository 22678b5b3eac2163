"""Mutants of exported files, each opened and run in its own runtime."""

import pytest

from keras_hybrid.inference.open_model import open_model
from tests.fuzz.attempts import attempt_all
from tests.fuzz.mutants import damaged

pytestmark = pytest.mark.backend_independent


@pytest.mark.parametrize(
    "name",
    [
        "model.tflite",
        "model.onnx",
        "openvino/model.xml",
        pytest.param("openvino/model.bin", marks=pytest.mark.slow),
    ],
)
def test_exported_files(name, copy, tmp_path):
    file = tmp_path / "copy" / name
    whole = file.read_bytes()
    opened = file.parent if file.parent.name == "openvino" else file
    keep = [file] if opened == file else [*opened.iterdir()]
    for other in copy.iterdir():  # so that fewer files are compared
        if other.is_file() and other not in keep:
            other.unlink()
    attempt_all(
        lambda seed: damaged(whole, seed),
        lambda path: open_model(opened),
        file,
        names=opened.name,
    )
