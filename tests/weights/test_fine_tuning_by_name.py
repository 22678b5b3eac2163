"""A folder of images, from the name of weights to a trained model in one command."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_hybrid.cli import main
from keras_hybrid.program import run_recipe
from keras_hybrid.train import Recipe
from keras_hybrid.train.choose import choose_before_loading
from tests.golden.record_coatnet import attention_weights
from tests.recipes.test_recipes import recipe_file

safetensors = pytest.importorskip("safetensors.numpy")
NAME = "timm/convit_tiny.fb_in1k"
OPTIONS = ("width=32", "depth=3", "gpsa_layers=2")
pytestmark = pytest.mark.backend_independent


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for label in ("ant", "bee"):
        for i in range(12):
            folder = tmp_path / "photos" / label
            folder.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (40, 56, 3), dtype="uint8")
            Image.fromarray(pixels).save(folder / f"{i}.png")
    return tmp_path / "photos"


def test_one_command(hub, golden, photos, tmp_path, capsys):
    file = golden("published")
    shapes = json.loads(str(file.arrays[f"{NAME}/shapes"]))
    state = attention_weights({key: tuple(shape) for key, shape in shapes.items()})
    hub.files[f"{NAME}/model.safetensors"] = safetensors.save(state)
    module, work = recipe_file("image_folder"), tmp_path / "run"
    words = ["--data-dir", str(photos), "--weights", "imagenet", "--epochs", "1"]
    words += ["--model-options", *OPTIONS, "--warmup-epochs", "0"]
    words += ["--validation-split", "0", "--workdir", str(work), "--export", "onnx"]
    run_recipe(module.RECIPES, module.__doc__, words)

    said = capsys.readouterr().out
    assert "--model convit_tiny: --weights is imagenet" in said
    assert "--image-size 224: the weights were trained at it" in said
    assert "the checkpoint has 1000 classes, not 2" in said
    assert "--batch-size 16: there are" in said
    assert "Training the classifier alone" in said
    card = json.loads((work / "card.json").read_text())
    assert card["model"] == "convit_tiny" and card["input_shape"] == [224, 224, 3]
    assert card["recipe"]["optimization"]["learning_rate"] == 1e-4
    assert (work / "model.onnx").exists()
    main(["evaluate", str(work), str(photos)])
    found = json.loads((work / "evaluation" / "model.keras.json").read_text())
    assert found["images"] == 24
    main(["predict", str(work), str(photos / "ant" / "0.png")])
    assert "ant" in capsys.readouterr().out


def test_weights_of_any_model_need_its_name():
    recipe = Recipe.of(model="auto", weights="mine.pth", dataset="digits")
    with pytest.raises(ValueError, match="may be of any model: give --model"):
        choose_before_loading(recipe)
