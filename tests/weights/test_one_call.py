"""`weights=` with another head, without one, with other channels and sizes."""

import keras
import numpy as np
import pytest

from keras_hybrid import models, weights
from keras_hybrid.weights.input_channels import fit_input_channels

pytestmark = pytest.mark.backend_independent

safetensors = pytest.importorskip("safetensors.numpy")
numpy = keras.ops.convert_to_numpy

CASES = {
    "convit_micro4": (
        models.ConViT,
        {"depth": 4, "gpsa_layers": 3, "width": 32, "heads": 4, "patch_size": 4},
        (32, 32),
        "patch_embedding",
    ),
    "ceit_micro": (
        models.CeiT,
        {"depth": 3, "width": 32, "heads": 2, "i2t_channels": 16},
        (64, 64),
        "i2t_conv",
    ),
    "cvt_micro_official": (
        models.CvT,
        {"widths": (16, 32, 48), "heads": (1, 2, 3), "depths": (1, 2, 2)},
        (72, 56),
        "stage1_embedding",
    ),
    "coatnet_micro": (models.CoAtNet, {}, (64, 64), "stem_conv1"),
}


@pytest.fixture(params=CASES)
def case(request, golden, tmp_path):
    """(build, state dict, size, name of the first convolution)."""
    builder, fields, size, first = CASES[request.param]
    file = golden(request.param)
    if request.param == "coatnet_micro":
        config = file.config
        fields = {
            "widths": tuple(config["embed_dim"]),
            "depths": tuple(config["depths"]),
            "stem_widths": (config["stem_width"],) * 2,
            "head_hidden": config["head_hidden_size"],
            "head_width": config.get("dim_head", 32),
        }
    if request.param == "cvt_micro_official":
        keys = ("widths", "heads", "depths")
        fields = {key: tuple(file.config[key]) for key in keys}
    path = tmp_path / "checkpoint.safetensors"
    safetensors.save_file(file.state_dict, path)

    def build(**arguments):
        shape = {"input_shape": (*size, 3), "classes": 7}
        return builder(**fields | shape | {"weights": path} | arguments)

    return build, file.state_dict, size, first


def test_classes(case, capsys):
    build, *_ = case
    full = build()
    assert capsys.readouterr().out == ""
    model = build(classes=3)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and "has 7 classes, not 3" in lines[0]
    same = [
        np.array_equal(numpy(a), numpy(b))
        for a, b in zip(full.weights, model.weights, strict=True)
        if "seed_generator" not in a.path and not a.path.startswith("head/")
    ]
    assert all(same)


@pytest.mark.parametrize("pooling", [None, "avg", "head"])
def test_without_the_top(case, pooling, capsys):
    build, _, size, _ = case
    full = build()
    model = build(include_top=False, pooling=pooling)
    assert capsys.readouterr().out == ""
    x = np.random.default_rng(0).uniform(0, 255, (2, *size, 3)).astype("float32")
    found = numpy(model(x))
    if pooling == "head":
        vector = keras.Model(full.input, full.get_layer("head").input)
        np.testing.assert_allclose(found, numpy(vector(x)), 0, 1e-6)
        return
    values = {v.path: numpy(v) for v in full.variables}
    for variable in model.variables:
        if "seed_generator" not in variable.path:
            np.testing.assert_array_equal(numpy(variable), values[variable.path])
    assert np.isfinite(found).all()


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_channels(case, channels):
    """One grey channel, or each of three twice, gives what three grey ones give."""
    build, _, size, _ = case
    plain = {"include_preprocessing": False, "classifier_activation": None}
    grey = np.random.default_rng(0).normal(size=(2, *size, 1)).astype("float32")
    expected = numpy(build(**plain)(np.repeat(grey, 3, -1)))
    model = build(input_shape=(*size, channels), **plain)
    found = numpy(model(np.repeat(grey, channels, -1)))
    if channels in (1, 6):
        np.testing.assert_allclose(found, expected, 0, 2e-5)
    assert np.isfinite(found).all()


def test_kernels_are_those_of_timm():
    """Recorded from `timm.models.adapt_input_conv`."""
    kernel = np.arange(6.0).reshape(1, 1, 3, 2)
    first, second, third = kernel[0, 0]
    expected = {
        1: [first + second + third],
        2: [first * 1.5, second * 1.5],
        4: [x * 0.75 for x in (first, second, third, first)],
        6: [x * 0.5 for x in (first, second, third) * 2],
    }
    for channels, rows in expected.items():
        found = fit_input_channels(kernel, (1, 1, channels, 2))
        np.testing.assert_allclose(found[0, 0], rows)
    assert fit_input_channels(kernel, (2, 2, 1, 2)) is kernel


@pytest.mark.parametrize("step", [(32, 0), (32, 64), (-32, 32)])
def test_sizes(case, step):
    build, _, size, _ = case
    height, width = (
        max(32, side + more) for side, more in zip(size, step, strict=True)
    )
    x = np.random.default_rng(0).uniform(0, 255, (1, height, width, 3))
    model = build(input_shape=(height, width, 3))
    assert np.isfinite(numpy(model(x.astype("float32")))).all()


def test_all_at_once(case, capsys):
    build, state, (height, width), first = case
    model = build(
        include_top=False, pooling="head", input_shape=(height + 32, width, 1)
    )
    assert capsys.readouterr().out == ""
    layer = model.get_layer(first)
    kernel = numpy(getattr(layer, "conv", layer).kernel)
    stem = next(x for x in state.values() if x.ndim == 4 and x.shape[1] == 3)
    np.testing.assert_allclose(kernel[:, :, 0], stem.sum(1).transpose(1, 2, 0), 1e-5)


def test_a_grid_that_the_length_does_not_tell(golden, tmp_path):
    """Position tables of 4x9, trained on images of 16x36 pixels."""
    builder, fields, _, _ = CASES["convit_micro4"]
    state = dict(golden("convit_micro4").state_dict)
    state["pos_embed"] = np.random.default_rng(0).normal(size=(1, 36, 32)).astype("f4")
    path = tmp_path / "checkpoint.safetensors"
    safetensors.save_file(state, path)
    fields = fields | {"classes": 7, "input_shape": (16, 36, 3)}
    with pytest.raises(ValueError, match=r"36 positions may be.*6x6 or 4x9.*--grid"):
        builder(**fields, weights=path)
    model = weights.load_torch(builder(**fields), path, grid=(4, 9))
    table = numpy(model.get_layer("position").table)
    np.testing.assert_array_equal(table, state["pos_embed"])
    with pytest.raises(ValueError, match="has no position table: leave the grid out"):
        weights.load_torch(models.ResNet18Small(), {}, grid=(4, 9))
