"""Keras' own quantization and LoRA on the dense layers of this package."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.export import export, fold
from keras_hybrid.models.keras_file import load_keras
from keras_hybrid.weights import to_torch
from tests.small import ATTENTIVE, FAMILIES, small

pytestmark = pytest.mark.filterwarnings("ignore:.*quantize:UserWarning")

# Every family on the backend that compiles nothing, two of them on the others.
FAMILIES_HERE = (
    ATTENTIVE if keras.backend.backend() == "torch" else ["ConViT", "CoAtNet"]
)
RELOAD = """
import sys
import numpy as np
from keras_hybrid.models.keras_file import load_keras
model = load_keras(__import__("pathlib").Path(sys.argv[1]))
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Keras collects garbage once per quantized layer, which takes most of the time."""
    monkeypatch.setattr("gc.collect", lambda *_: 0)


def network(family):
    keras.utils.set_random_seed(2)
    return models.logits(small(FAMILIES[family]))


def pixels(model, count=4):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, *model.input_shape[1:])).astype("float32")


def dense_layers(model):
    return [x for x in model._flatten_layers() if isinstance(x, keras.layers.Dense)]


@pytest.mark.parametrize("family", FAMILIES_HERE)
def test_int8(family, tmp_path):
    """Every dense kernel is int8, the logits stay near, and the file is smaller."""
    model = network(family)
    images = pixels(model)
    before = model.predict(images, verbose=0)
    model.save(tmp_path / "float.keras")
    count = len(dense_layers(model))
    model.quantize("int8")
    kernels = [layer._kernel for layer in dense_layers(model)]
    assert count == len(kernels) > 2
    assert {keras.backend.standardize_dtype(k.dtype) for k in kernels} == {"int8"}
    after = model.predict(images, verbose=0)
    assert 1e-6 < np.abs(after - before).max() < 0.15 * before.std()
    model.save(tmp_path / "int8.keras")
    sizes = [(tmp_path / f"{x}.keras").stat().st_size for x in ("float", "int8")]
    assert sizes[1] < sizes[0]
    again = load_keras(tmp_path / "int8.keras")
    np.testing.assert_array_equal(again.predict(images, verbose=0), after)
    again.save(tmp_path / "twice.keras")  # the policies survive a second time
    twice = load_keras(tmp_path / "twice.keras")
    np.testing.assert_array_equal(twice.predict(images, verbose=0), after)


@pytest.mark.backend_independent
def test_an_int8_file_in_a_fresh_process(tmp_path):
    model = network("CvT")
    images = pixels(model)
    model.quantize("int8")
    model.save(tmp_path / "int8.keras")
    np.save(tmp_path / "images.npy", images)
    files = (tmp_path / "int8.keras", tmp_path / "images.npy", tmp_path / "out.npy")
    subprocess.run([sys.executable, "-c", RELOAD, *map(str, files)], check=True)
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, atol=1e-5)


@pytest.mark.backend_independent
@pytest.mark.parametrize("mode", ["int4", "float8"])
def test_other_modes(mode, tmp_path):
    """Every dense layer has the mode, the logits stay near, and files keep both."""
    model = network("ConViT")
    images = pixels(model)
    before = model.predict(images, verbose=0)
    model.quantize(mode)
    after = model.predict(images, verbose=0)
    assert 1e-6 < np.abs(after - before).max() < 0.6 * before.std()
    model.save(tmp_path / "model.keras")
    again = load_keras(tmp_path / "model.keras")
    assert {x.quantization_mode for x in dense_layers(again)} == {mode}
    np.testing.assert_array_equal(again.predict(images, verbose=0), after)


@pytest.mark.backend_independent
@pytest.mark.parametrize("kind", ["GPTQConfig", "AWQConfig"])
def test_modes_for_text_are_refused(kind):
    model = network("ConViT")
    config = getattr(keras.quantizers, kind)(dataset=["text"], tokenizer=str.split)
    with pytest.raises(ValueError, match="quantize image models to int8, int4"):
        model.quantize(config=config)
    assert not any(x.quantization_mode for x in dense_layers(model))


@pytest.mark.backend_independent
def test_what_needs_float_kernels_refuses_int8(tmp_path):
    model = network("ConViT")
    model.quantize("int8")
    model.save(tmp_path / "int8.keras")
    with pytest.raises(ValueError, match="quantized to int8 by Keras: export the"):
        fold(model)
    with pytest.raises(ValueError, match="quantized to int8 by Keras: export the"):
        export(tmp_path / "int8.keras", [], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="quantized to int8 by Keras: convert the"):
        to_torch(model, "timm")


@pytest.mark.backend_independent
@pytest.mark.parametrize("family", ["CvT", "CoAtNet"])
def test_lora_changes_nothing_at_first_and_is_merged_in_files(family, tmp_path):
    model = network(family)
    images = pixels(model)

    def outputs(model):
        return keras.ops.convert_to_numpy(model(images))

    before = outputs(model)
    layers = dense_layers(model)
    for layer in layers:
        layer.enable_lora(2)
    np.testing.assert_allclose(outputs(model), before, atol=1e-5)
    rng = np.random.default_rng(0)
    for layer in layers:
        shape = layer.lora_kernel_b.shape
        layer.lora_kernel_b.assign(rng.normal(0, 0.2, shape).astype("float32"))
    after = outputs(model)
    assert np.abs(after - before).max() > 1e-3
    model.save(tmp_path / "lora.keras")
    merged = load_keras(tmp_path / "lora.keras")
    kernels = [keras.ops.convert_to_numpy(x._kernel) for x in dense_layers(merged)]
    expected = [keras.ops.convert_to_numpy(x.kernel) for x in layers]
    for kernel, value in zip(kernels, expected, strict=True):
        np.testing.assert_allclose(kernel, value, atol=1e-6)
    np.testing.assert_allclose(outputs(merged), after, atol=1e-5)
