"""Checkpoints as training codes leave them: wrapped, prefixed, in parts, in 16 bits."""

import argparse
import json
import pathlib

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.weights import load_torch
from keras_hybrid.weights.source import read

pytestmark = pytest.mark.backend_independent

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.numpy")

FIELDS = {"depth": 4, "gpsa_layers": 3, "width": 32, "heads": 4, "patch_size": 4}


@pytest.fixture
def state(golden):
    return golden("convit_micro4").state_dict


@pytest.fixture
def tensors(state):
    return {name: torch.tensor(x) for name, x in state.items()}


def build(**arguments):
    return models.ConViT(
        **FIELDS | {"classes": 7, "input_shape": (32, 32, 3)} | arguments
    )


def loads(source, expected, **arguments):
    """Whether the checkpoint gives the values of `expected`, not those of another."""
    model = load_torch(build(), source, **arguments)
    table = keras.ops.convert_to_numpy(model.get_layer("position").table)
    np.testing.assert_array_equal(table, np.asarray(expected["pos_embed"]))
    bias = keras.ops.convert_to_numpy(model.get_layer("head").bias)
    np.testing.assert_array_equal(bias, np.asarray(expected["head.bias"]))


def prefixed(prefix, tensors):
    return {f"{prefix}{name}": x for name, x in tensors.items()}


def nested(tensors):
    tree = {}
    for name, value in tensors.items():
        *path, leaf = name.split(".")
        node = tree
        for word in path:
            node = node.setdefault(word, {})
        node[leaf] = value
    return tree


WRAPS = {
    "plain": lambda x: x,
    "state_dict": lambda x: {"state_dict": x, "epoch": 3},
    "model": lambda x: {"model": x, "optimizer": {"state": {}, "lr": 0.1}},
    "module": lambda x: {"module": x},
    "twice": lambda x: {"state_dict": {"model": x}},
    "module.": lambda x: prefixed("module.", x),
    "_orig_mod.": lambda x: {"model": prefixed("_orig_mod.", x)},
    "module._orig_mod.": lambda x: prefixed("module._orig_mod.", x),
    "model.": lambda x: {"state_dict": prefixed("model.", x)},
    "model._orig_mod.": lambda x: {"state_dict": prefixed("model._orig_mod.", x)},
    "model.backbone.": lambda x: prefixed("model.backbone.", x),
    "backbone.": lambda x: {
        (k if k.startswith("head") else f"backbone.{k}"): v for k, v in x.items()
    },
    "encoder.": lambda x: prefixed("encoder.", x),
    "nested": lambda x: {"model": nested(x)},
}


@pytest.mark.parametrize("wrap", WRAPS)
def test_wrapped_and_prefixed(wrap, tensors):
    loads(WRAPS[wrap](tensors), tensors)


@pytest.mark.parametrize("name", ["a.pth.tar", "a.ckpt", "a.bin", "a.pt"])
def test_names_of_files(name, tensors, tmp_path):
    torch.save({"state_dict": tensors}, tmp_path / name)
    loads(tmp_path / name, tensors)


@pytest.mark.parametrize("key", ["model_ema", "state_dict_ema"])
def test_an_average_is_preferred_and_another_can_be_taken(key, tensors, capsys):
    average = {name: x + 1 for name, x in tensors.items()}
    content = {"model": tensors, key: average, "epoch": 3}
    loads(content, average)
    said = capsys.readouterr().out
    assert said == f"Took the weights under {key}; there are also model.\n"
    loads(content, tensors, which="model")
    assert (
        f"Took the weights under model; there are also {key}" in capsys.readouterr().out
    )
    with pytest.raises(
        ValueError, match=r"no weights under ema; it has model \(dict\)"
    ):
        load_torch(build(), content, which="ema")


def test_options_beside_the_weights_are_read_past(tensors, tmp_path):
    path = tmp_path / "checkpoint.pth"
    beside = {
        "args": argparse.Namespace(lr=0.1, output=pathlib.Path("x"), nested=[1]),
        "best": np.float64(81.3),
        "epoch": 3,
    }
    torch.save({"model": tensors} | beside, path)
    loads(path, tensors)


def test_other_classes_are_named(tensors, tmp_path):
    path = tmp_path / "checkpoint.pth"
    torch.save({"model": tensors, "loss": torch.nn.CrossEntropyLoss()}, path)
    with pytest.raises(ValueError, match=r"refers to torch\.nn.*CrossEntropyLoss"):
        read(path)


def test_in_parts(state, tmp_path):
    names = sorted(state)
    places = {}
    for number, part in enumerate((names[::2], names[1::2])):
        file = f"model-{number}.safetensors"
        safetensors.save_file({name: state[name] for name in part}, tmp_path / file)
        places |= dict.fromkeys(part, file)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    loads(index, state)
    index.write_text(json.dumps({"weight_map": places | {"more": file}}))
    with pytest.raises(ValueError, match=r"The parts of .* lack more"):
        read(index)
    index.write_text(json.dumps({"weight_map": {"a": "../secret.safetensors"}}))
    with pytest.raises(ValueError, match="is not beside it"):
        read(index)
    index.write_text("[1]")
    with pytest.raises(ValueError, match="is no index"):
        read(index)
    (tmp_path / "model-1.safetensors").unlink()
    index.write_text(json.dumps({"weight_map": places}))
    with pytest.raises(FileNotFoundError, match=r"model-1\.safetensors"):
        read(index)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_short_floats(kind, suffix, tensors, tmp_path):
    from safetensors.torch import save_file

    short = {name: x.to(getattr(torch, kind)) for name, x in tensors.items()}
    path = tmp_path / f"a.{suffix}"
    save = {"pth": torch.save, "safetensors": save_file}[suffix]
    save(short, path)
    loads(path, {name: x.float() for name, x in short.items()})
    assert {x.dtype.name for x in read(path).values()} == {"float32"}


def test_a_distillation_head_is_left_out(tensors, capsys):
    more = {"head_dist.weight": torch.ones(7, 32), "head_dist.bias": torch.ones(7)}
    loads(tensors | more, tensors)
    assert "distillation head" in capsys.readouterr().out


def test_a_refusal_shows_what_is_there():
    tensors = {f"layers.{i}.conv.weight": np.ones((3, i + 1)) for i in range(20)}
    with pytest.raises(ValueError, match="No name map") as error:
        load_torch(build(), tensors | {"fc.weight": np.ones((7, 4)), "x": np.ones(1)})
    lines = str(error.value).splitlines()
    assert lines[1] == "  layers.0.conv.weight (3, 1)" and len(lines) <= 10
    assert "Nearest is ResNet, torchvision and timm, which has 1 of the 22" in lines[-1]
    assert "\x1b" not in str(error.value)
