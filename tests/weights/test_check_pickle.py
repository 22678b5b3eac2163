"""Torch checkpoints that take memory or time: refused with the file's name."""

import json

import numpy as np
import pytest

from keras_hybrid.weights import source

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.backend_independent


class Zeros:
    """Unpickled, it takes ten gigabytes."""

    def __reduce__(self):
        return bytearray, (10**10,)


def repeated():
    tree = {"a": torch.ones(2)}
    for _ in range(60):
        tree = {"a": tree, "b": tree}
    return tree


def endless():
    tree = {"a": torch.ones(2)}
    tree["b"] = tree
    return tree


HOSTILE = {
    "a stride of 0": lambda: {"a": torch.zeros(1).expand(10**12)},
    "half floats": lambda: {"a": torch.zeros(1, dtype=torch.half).expand(10**11)},
    "a bytearray": lambda: {"a": torch.ones(2), "b": Zeros()},
    "repeated mappings": repeated,
    "endless mappings": endless,
    "no values": lambda: {"a": torch.empty(10**6, 10**6, device="meta")},
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_refused(name, zipped, tmp_path):
    file = tmp_path / "x.pth"
    torch.save(HOSTILE[name](), file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"x\.pth cannot be read as plain weights: it"):
        source.read(file)


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_that_share_or_transpose_values_pass(zipped, tmp_path):
    shared = torch.arange(12.0).reshape(3, 4)
    content = {"a": shared, "b": shared.t(), "c": shared[:, 1], "d": torch.ones(())}
    file = tmp_path / "x.pth"
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    found = source.read(file)
    for name, value in content.items():
        np.testing.assert_array_equal(found[name], value.numpy())


@pytest.mark.parametrize(
    "index",
    [
        *([], {}, {"weight_map": None}, {"weight_map": {"a": 5}}),
        {"weight_map": {"a": "x.safetensors.index.json"}},
        {"weight_map": {"a": "../x.safetensors"}},
    ],
)
def test_an_index_that_is_none(index, tmp_path):
    file = tmp_path / "x.safetensors.index.json"
    file.write_text(json.dumps(index))
    with pytest.raises(ValueError, match=r"x\.safetensors\.index\.json"):
        source.read(file)
