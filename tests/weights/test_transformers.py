"""ConViT and CeiT checkpoints: other sizes, other networks, missing tensors."""

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.weights import load_torch

pytestmark = pytest.mark.backend_independent

numpy = keras.ops.convert_to_numpy
SMALL = {"depth": 2, "width": 16, "heads": 4, "classes": 3}
BUILDERS = {
    "convit": (models.ConViT, {"gpsa_layers": 1, **SMALL}),
    "ceit": (models.CeiT, {"i2t_channels": 8, **SMALL}),
}
SIZES = [(384, 384), (160, 160), (32, 32), (160, 256)]
GOLDEN = {
    "convit_micro4": (
        models.ConViT,
        {"depth": 4, "gpsa_layers": 3, "width": 32, "heads": 4, "patch_size": 4},
    ),
    "ceit_micro": (
        models.CeiT,
        {"depth": 3, "width": 32, "heads": 2, "i2t_channels": 16},
    ),
}


def build(family, size, **arguments):
    builder, fields = BUILDERS[family]
    return builder(**fields | {"input_shape": (*size, 3)} | arguments)


def build_golden(name, **arguments):
    builder, fields = GOLDEN[name]
    size = {"convit_micro4": 32, "ceit_micro": 64}[name]
    fields = fields | {"classes": 7, "input_shape": (size, size, 3)}
    return builder(**fields | arguments)


def torch_resized(table, grid, class_token):
    """The published fine-tuning rule."""
    torch = pytest.importorskip("torch")
    first, patches = table[:, :class_token], table[:, class_token:]
    side = int(patches.shape[1] ** 0.5)
    patches = torch.tensor(patches).reshape(1, side, side, -1).permute(0, 3, 1, 2)
    patches = torch.nn.functional.interpolate(
        patches, size=grid, mode="bicubic", align_corners=False
    )
    patches = patches.permute(0, 2, 3, 1).reshape(1, grid[0] * grid[1], -1)
    return np.concatenate([first, patches.numpy()], axis=1)


@pytest.mark.parametrize("family", BUILDERS)
def test_keras_weights_move_between_sizes(family, tmp_path, randomise):
    path = str(tmp_path / "at224.weights.h5")
    source = randomise(build(family, (224, 224)))
    source.save_weights(path)
    table = numpy(source.get_layer("position").table)
    for size in SIZES:
        model = build(family, size, weights=path)
        grid = tuple(side // 16 for side in size)
        expected = torch_resized(table, grid, family == "ceit")
        found = numpy(model.get_layer("position").table)
        np.testing.assert_allclose(found, expected, 0, 2e-5)
        tables = (source.get_layer("position").table, model.get_layer("position").table)
        for ours, theirs in zip(source.weights, model.weights, strict=True):
            if ours is not tables[0] and "seed_generator" not in ours.path:
                np.testing.assert_array_equal(numpy(ours), numpy(theirs))


@pytest.mark.parametrize("size", [(48, 48), (80, 48)])
@pytest.mark.parametrize("name", GOLDEN)
def test_torch_weights_at_another_size(name, size, golden):
    tensors = golden(name).state_dict
    model = load_torch(build_golden(name, input_shape=(*size, 3)), tensors)
    step = 4 if name == "convit_micro4" else 16
    grid = tuple(side // step for side in size)
    expected = torch_resized(tensors["pos_embed"], grid, name == "ceit_micro")
    found = numpy(model.get_layer("position").table)
    np.testing.assert_allclose(found, expected, 0, 2e-5)


def test_patches_of_another_size_are_refused(golden):
    """A patch embedding has no resize: a small image takes fewer patches instead."""
    model = build_golden("convit_micro4", patch_size=8)
    with pytest.raises(ValueError, match=r"misshapen: patch_embed\.proj\.weight"):
        load_torch(model, golden("convit_micro4").state_dict)


@pytest.mark.parametrize("name", GOLDEN)
def test_head_of_another_size(name, golden):
    tensors = golden(name).state_dict
    model = build_golden(name, classes=5)
    with pytest.raises(ValueError, match=r"misshapen: head\.weight"):
        load_torch(model, tensors)
    load_torch(model, tensors, head="skip")
    np.testing.assert_array_equal(
        numpy(model.get_layer("norm").gamma), tensors["norm.weight"]
    )


@pytest.mark.parametrize("name", GOLDEN)
def test_every_tensor_counts(name, golden):
    tensors = dict(golden(name).state_dict)
    model = build_golden(name)
    before = [numpy(weight).copy() for weight in model.weights]
    tensors["blocks.0.norm3.weight"] = tensors.pop("blocks.0.norm2.weight")
    with pytest.raises(ValueError) as error:
        load_torch(model, tensors)
    assert "unexpected: blocks.0.norm3.weight" in str(error.value)
    assert "missing: block1_mlp_norm/gamma" in str(error.value)
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(numpy(weight), old)


def test_fused_tensor_of_another_shape(golden):
    tensors = dict(golden("convit_micro4").state_dict)
    name = "blocks.0.attn.qk.weight"
    tensors[name] = tensors[name][:-1]
    with pytest.raises(ValueError, match=r"unexpected: blocks\.0\.attn\.qk\.weight"):
        load_torch(build_golden("convit_micro4"), tensors)


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("other", ["cvt_micro_official", *GOLDEN])
def test_another_family_is_refused(name, other, golden):
    if name == other:
        return
    with pytest.raises(ValueError, match=r"(?s)does not fit .*unexpected.*missing"):
        load_torch(build_golden(name), golden(other).state_dict)


def test_deit_is_no_convit(golden):
    """Its tensors are named alike; the gates are missing."""
    names = golden("convit_micro4").state_dict
    tensors = {k: v for k, v in names.items() if "gating" not in k and "pos_" not in k}
    with pytest.raises(ValueError, match="missing: block1_attention/gate"):
        load_torch(build_golden("convit_micro4"), tensors)


def test_values_that_are_no_numbers_are_refused(golden):
    weights = dict(golden("convit_micro4").state_dict)
    weights["head.bias"] = np.full_like(weights["head.bias"], np.nan)
    with pytest.raises(ValueError, match=r"damaged: head\.bias .* NaN"):
        load_torch(build_golden("convit_micro4"), weights)


def test_a_checkpoint_without_classifier_says_so(golden, capsys):
    weights = {
        name: value
        for name, value in golden("convit_micro4").state_dict.items()
        if not name.startswith("head.")
    }
    with pytest.raises(ValueError, match="It has no classifier: give the number"):
        load_torch(build_golden("convit_micro4"), weights)
    load_torch(build_golden("convit_micro4"), weights, head="if_same_classes")
    assert "has no classifier" in capsys.readouterr().out
