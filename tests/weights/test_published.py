"""From a name to logits: the answers of timm and transformers for a photo.

`published.npz` holds a JPEG and what the libraries answer; see `record_published.py`.
"""

import json

import keras
import numpy as np
import pytest

from keras_hybrid import data, models
from keras_hybrid.cli import main
from keras_hybrid.inference import load
from tests.golden.record_coatnet import MICRO, attention_weights
from tests.small import small

safetensors = pytest.importorskip("safetensors.numpy")

RW = {key: str(value).replace(" ", "") for key, value in MICRO.items()}
OPTIONS = {
    "timm/convit_tiny.fb_in1k": ("width=32", "depth=3", "gpsa_layers=2"),
    "timm/coatnet_0_rw_224.sw_in1k": tuple(f"{k}={v}" for k, v in RW.items()),
    "microsoft/cvt-13": (
        "widths=16,24,48",
        "depths=1,2,3",
        "heads=1,3,6",
        "activation=gelu",  # transformers' own; the weights were trained with QuickGELU
    ),
}
# Largest difference of the logits from those with the library's own resize.
OWN_RESIZE = 0.02


@pytest.mark.parametrize("name", OPTIONS)
def test_from_a_name_to_the_logits_of_a_photo(name, hub, golden, tmp_path, capsys):
    file = golden("published")
    shapes = json.loads(str(file.arrays[f"{name}/shapes"]))
    state = attention_weights({key: tuple(shape) for key, shape in shapes.items()})
    hub.files[f"{name}/model.safetensors"] = safetensors.save(state)
    photo, out = tmp_path / "photo.jpg", tmp_path / "model.keras"
    photo.write_bytes(file.photo.tobytes())
    main(["convert", name, "--options", *OPTIONS[name], "--out", str(out)])

    classifier = load(out)
    facts = classifier.card["preprocessing"]
    pixels = data.read_image(photo, classifier.input_shape, facts)
    network = models.logits(keras.models.load_model(out))
    found = keras.ops.convert_to_numpy(network(pixels[None].astype("float32")))[0]
    expected = file.arrays[f"{name}/logits"]
    np.testing.assert_allclose(found, expected, 0, 2e-5)
    assert np.abs(found - file.arrays[f"{name}/own"]).max() < OWN_RESIZE

    (((first, probability), *_),) = classifier.predict(photo).top()
    assert first == f"class {expected.argmax()}"
    softmax = np.exp(expected - expected.max())
    assert probability == pytest.approx(
        float((softmax / softmax.sum()).max()), abs=2e-5
    )
    main(["predict", str(out), str(photo)])
    assert f"class {expected.argmax()}" in capsys.readouterr().out


def test_the_numbers_of_a_checkpoint_are_those_of_the_model():
    for name in ("cvt13", "coatnet0_rw"):
        variant = models.get(name)
        ours = variant.family.preprocessing
        assert models.normalization(small(name)) == (ours.mean, ours.std)
    assert models.normalization(small("cvt13", include_preprocessing=False)) is None
