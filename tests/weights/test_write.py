"""Weights out: what was read from a published layout is written in it again."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_hybrid import models, weights
from keras_hybrid.cli import main
from tests.models.test_coatnet import micro, record, rw_micro, rw_weights
from tests.small import small

pytestmark = pytest.mark.backend_independent

_CONVIT = {"depth": 4, "gpsa_layers": 3, "width": 32, "heads": 4, "patch_size": 4}
_CEIT = {"depth": 3, "width": 32, "heads": 2, "i2t_channels": 16}


def cvt(config):
    fields = {key: tuple(config[key]) for key in ("widths", "heads", "depths")}
    return models.CvT(input_shape=(72, 56, 3), classes=7, **fields)


def convit(config):
    return models.ConViT(input_shape=(32, 32, 3), classes=7, **_CONVIT)


def ceit(config):
    return models.CeiT(input_shape=(64, 64, 3), classes=7, **_CEIT)


CASES = {
    "cvt_micro_official": ("official", cvt),
    "cvt_micro_hf": ("transformers", cvt),
    "convit_micro4": ("timm", convit),
    "ceit_micro": ("official", ceit),
    "coatnet_micro": ("timm", lambda config: micro("coatnet_micro", config)),
    "astroformer_micro": (
        "official",
        lambda config: micro("astroformer_micro", config),
    ),
}


def check(model, state, code):
    state = {
        k: v
        for k, v in state.items()
        if not k.endswith(("rel_indices", "rel_coords_log", "relative_position_index"))
    }
    weights.load_torch(model, state)
    written = weights.to_torch(model, code)
    counters = {name for name in written if name.endswith("num_batches_tracked")}
    norms = {name for name in written if name.endswith("running_mean")}
    assert len(counters) == len(norms)
    assert set(written) - counters == {
        x for x in state if not x.endswith("num_batches_tracked")
    }
    for name in set(written) - counters:
        np.testing.assert_array_equal(written[name], state[name], err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_what_was_read_is_written(name, golden):
    code, build = CASES[name]
    file = golden(name)
    check(build(file.config), file.state_dict, code)


@pytest.mark.parametrize("name", record.RW)
def test_coatnet_rw(name, golden):
    check(rw_micro(name), rw_weights(golden, name), "timm")


def test_a_code_that_does_not_have_the_model(tmp_path):
    with pytest.raises(
        ValueError,
        match="cvt13 has no names in timm; it has some in: official, transformers",
    ):
        weights.save_torch(small("cvt13"), tmp_path / "x.safetensors", "timm")
    with pytest.raises(ValueError, match="none of the known codes"):
        weights.to_torch(small("atc3"), "timm")


def test_command(tmp_path, capsys, randomise):
    pytest.importorskip("safetensors")
    model = randomise(small("coatnet0"))
    model.save(tmp_path / "model.keras")
    out = tmp_path / "new" / "out.safetensors"
    main(["convert", str(tmp_path / "model.keras"), "--to", "timm", "--out", str(out)])
    assert "with the names of timm" in capsys.readouterr().out
    again = weights.load_torch(small("coatnet0"), out)
    for old, new in zip(model.weights, again.weights, strict=True):
        if "seed_generator" not in old.path:
            np.testing.assert_array_equal(np.asarray(old), np.asarray(new))


_RW = {"widths": (16, 16, 32, 32), "depths": (1, 2, 1, 2), "stem_widths": (8, 16)}
_THIN = {"embed_dim": (16, 16, 32, 32), "depths": (1, 2, 1, 2), "stem_width": (8, 16)}
_CVT = {"widths": (16, 24, 48), "heads": (1, 3, 6), "depths": (1, 2, 3)}
# Code, our variant and its fields, the library's fields.
LIBRARIES = {
    "convit": (
        "timm",
        "convit_tiny",
        {"depth": 3, "gpsa_layers": 2, "width": 32},
        {"name": "convit_tiny", "depth": 3, "local_up_to_layer": 2, "embed_dim": 8},
    ),
    "coatnet": (
        "timm",
        "coatnet_0_rw",
        _RW | {"head_width": 8},
        {"name": "coatnet_0_rw_224", "transformer_dim_head": 8} | _THIN,
    ),
    "coatnet_rmlp": (
        "timm",
        "coatnet_rmlp_2_rw",
        _RW | {"head_width": 8},
        {"name": "coatnet_rmlp_2_rw_224", "transformer_dim_head": 8} | _THIN,
    ),
    "resnet": ("timm", "resnet18", {}, {"name": "resnet18"}),
    "cvt": (
        "transformers",
        "cvt13",
        _CVT | {"activation": "gelu"},
        {
            "num_labels": 7,
            "embed_dim": _CVT["widths"],
            "num_heads": _CVT["heads"],
            "depth": _CVT["depths"],
        },
    ),
}


@pytest.mark.parametrize("case", LIBRARIES)
def test_a_library_reads_it_and_answers_alike(case, tmp_path, randomise):
    code, name, fields, theirs = LIBRARIES[case]
    if not importlib.util.find_spec(code):
        pytest.skip(f"{code} is not installed")
    if code == "timm":
        theirs = theirs | {"num_classes": 7}
    if "coatnet" in case:
        theirs = theirs | {"img_size": 64}
    size = 224 if case == "convit" else 64
    model = randomise(
        models.get(name).builder(
            input_shape=(size, size, 3),
            classes=7,
            include_preprocessing=False,
            classifier_activation=None,
            **fields,
        )
    )
    weights.save_torch(model, tmp_path / "weights.safetensors", code)
    (tmp_path / "fields.json").write_text(json.dumps(theirs))
    images = np.random.default_rng(0).normal(size=(2, size, size, 3)).astype("float32")
    np.save(tmp_path / "images.npy", images)
    script = pathlib.Path(__file__).with_name("torch_answers.py")
    command = [sys.executable, str(script), code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), found, 0, 2e-5)
