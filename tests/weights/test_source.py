"""Files that are no good: refused with a clear error, and nothing of theirs runs."""

import os

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.weights import load_torch
from keras_hybrid.weights.source import read

pytestmark = pytest.mark.backend_independent

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.numpy")


class Malicious:
    """Makes a directory when it is unpickled the plain way."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture(scope="module")
def model():
    return models.ConViT(
        depth=2, gpsa_layers=1, width=16, heads=4, classes=3, input_shape=(32, 32, 3)
    )


def refused(model, path, match):
    before = [keras.ops.convert_to_numpy(w).copy() for w in model.weights]
    with pytest.raises(ValueError, match=match):
        load_torch(model, path)
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), old)


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"model": x}])
def test_malicious_pickle_runs_nothing(wrap, tmp_path, model):
    trace, path = tmp_path / "trace", tmp_path / "convit.pth"
    torch.save(wrap({"cls_token": Malicious(str(trace))}), path)
    refused(model, path, r"convit\.pth cannot be read as plain weights")
    assert not trace.exists()


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
@pytest.mark.parametrize("damage", ["truncated", "corrupted", "empty", "text"])
def test_damaged_file(kind, damage, tmp_path, model):
    path = tmp_path / f"convit.{kind}"
    tensors = {"cls_token": np.ones((1, 1, 16), "f4"), "norm.bias": np.ones(4, "f4")}
    if kind == "safetensors":
        safetensors.save_file(tensors, path)
    else:
        torch.save({name: torch.tensor(x) for name, x in tensors.items()}, path)
    content = path.read_bytes()
    damaged = {
        "truncated": content[: len(content) // 2],
        "corrupted": bytes(255 - byte for byte in content[:64]) + content[64:],
        "empty": b"",
        "text": b"404: Not Found\n",
    }
    path.write_bytes(damaged[damage])
    refused(model, path, r"convit\.(safetensors is damaged|pth cannot be read)")


def test_unknown_kind_and_absent_file(tmp_path, model):
    path = tmp_path / "convit.npz"
    path.write_bytes(b"")
    refused(model, path, r"unknown kind of checkpoint; known: \.safetensors")
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        load_torch(model, tmp_path / "absent.pth")


def test_other_contents(tmp_path, model):
    refused(model, {"epoch": 3}, r"holds no tensors; it holds epoch \(int\)")
    refused(model, {"fc.weight": np.ones((3, 4))}, "No name map recognises")
    path = tmp_path / "list.pth"
    torch.save([torch.ones(3)], path)
    refused(model, path, "holds no state dict")


def test_nested_and_prefixed(tmp_path):
    path = tmp_path / "checkpoint.pth"
    torch.save({"epoch": 3, "model": {"module.norm.bias": torch.ones(4)}}, path)
    tensors = read(path)
    assert list(tensors) == ["norm.bias"]
    np.testing.assert_array_equal(tensors["norm.bias"], np.ones(4))
