"""Every reader of an image file gives a model the same pixels."""

import pathlib
import re
import types

import numpy as np
import pytest
from PIL import Image

from keras_hybrid import data
from keras_hybrid.analysis import analysis_page as report
from keras_hybrid.cli import analyse_command
from keras_hybrid.data.lazy_images import Resized
from keras_hybrid.export import model_card
from keras_hybrid.inference import classifier as module
from keras_hybrid.inference.open_model import OpenModel
from keras_hybrid.models import keras_file
from keras_hybrid.train import Recipe
from keras_hybrid.train.hold_out import make_splits

pytestmark = pytest.mark.backend_independent

ROOT = pathlib.Path(__file__).parents[2]
# Width, height and EXIF orientation: wide, turned, tall, and small enough to enlarge.
FILES = [(1500, 1001, 1), (1500, 1001, 6), (333, 1201, 3), (37, 50, 1)]


def photo(path, width, height, orientation):
    """A JPEG with detail at every scale, so that another resize would show."""
    rng = np.random.default_rng(width + orientation)
    y, x = np.mgrid[:height, :width].astype("float32")
    waves = np.stack([x * y / 900, x**2 / 700, y**2 / 500], -1)
    pixels = 127.5 + 100 * np.sin(waves) + rng.normal(0, 8, waves.shape)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels.clip(0, 255).astype("uint8"))
    image.save(path, quality=92, exif=exif)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """The same four photos in both classes of both splits."""
    root = tmp_path_factory.mktemp("photos")
    for i, options in enumerate(FILES):
        content = photo(root / f"train/ant/{i}.jpg", *options).read_bytes()
        for folder in ("train/bee", "test/ant", "test/bee"):
            (root / folder).mkdir(parents=True, exist_ok=True)
            (root / folder / f"{i}.jpg").write_bytes(content)
    return root


def read_by_readme():
    """`read_image` as `saved_models/README.md` prints it."""
    text = (ROOT / "saved_models/README.md").read_text()
    (block,) = [
        code
        for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        if "def read_image" in code
    ]
    scope = {}
    exec(block[: block.index("card = json")], scope)
    return scope["read_image"]


def card_of(shape, **changes):
    facts = {"mean": [0.5] * 3, "std": [0.5] * 3} | data.TRAINING_RESIZE | changes
    return {"input_shape": shape, "preprocessing": data.describe_preprocessing(facts)}


def test_every_reader_gives_the_same_pixels(photos, tmp_path, monkeypatch):
    card, shape = card_of([96, 96, 3]), (96, 96, 3)
    read = read_by_readme()
    paths = sorted((photos / "train/ant").iterdir())
    expected = np.stack([read(path, card) for path in paths])

    dataset = data.load("folder", photos, image_size=96)
    recipe = Recipe.of(dataset="folder", validation_split=0.5)
    for split in (*make_splits(recipe, dataset), dataset.test):
        for pixels in split.images:
            assert (expected == pixels).all((1, 2, 3)).any()
    np.testing.assert_array_equal(dataset.train.images[:4], expected)
    np.testing.assert_array_equal(dataset.test.images[:4], expected)

    calibration = data.load_images(photos / "train", shape, card["preprocessing"])
    np.testing.assert_array_equal(calibration, np.concatenate([expected] * 2))

    whole = [np.asarray(data.read_image(x, (None, None, 3), {})) for x in paths]
    resized = np.stack([Resized(image[None], 96)[0] for image in whole])
    np.testing.assert_array_equal(resized, expected)

    for reader in (predict, analyse):
        found = reader(photos / "train/ant", card, tmp_path, monkeypatch)
        np.testing.assert_array_equal(found, expected)


def predict(folder, card, tmp_path, monkeypatch):
    """The pixels that `predict` gives the model."""
    seen = []

    def run(images):
        seen.extend(images)
        return {"probabilities": np.ones((len(images), 1))}

    opened = OpenModel(run, tuple(card["input_shape"]), True)
    monkeypatch.setattr(module, "open_model", lambda *_: opened)
    monkeypatch.setattr(module, "read_card", lambda path: card | {"class_names": "ab"})
    module.Classifier(tmp_path / "model.onnx").predict(sorted(folder.iterdir()))
    return seen


def analyse(folder, card, tmp_path, monkeypatch):
    """The pixels that `analyse` looks at."""
    seen = []
    head = types.SimpleNamespace(name="head")
    shape = (None, *card["input_shape"])
    model = types.SimpleNamespace(input_shape=shape, layers=[head])
    monkeypatch.setattr(keras_file, "load_keras", lambda path: model)
    monkeypatch.setattr(keras_file, "keras_file", lambda path: path)
    monkeypatch.setattr(model_card, "read_card", lambda path: card)
    monkeypatch.setattr(
        report, "write_report", lambda model, images, *_, **__: seen.extend(images)
    )
    analyse_command(tmp_path / "model.keras", folder)
    return seen


@pytest.mark.parametrize("shape", [[224, 224, 3], [64, 100, 3], [28, 28, 1]])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"crop": 0.875, "interpolation": "bilinear"},
        {"fit": "stretch"},
        {"fit": "pad", "interpolation": "bilinear"},
    ],
)
def test_readme_repeats_the_card(photos, shape, changes):
    card, read = card_of(shape, **changes), read_by_readme()
    for path in sorted((photos / "train/ant").iterdir()):
        found = data.read_image(path, tuple(shape), card["preprocessing"])
        np.testing.assert_array_equal(found, read(path, card))


def test_readme_reads_transparency(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 4), dtype="uint8")
    Image.fromarray(pixels).save(tmp_path / "icon.png")
    card = card_of([32, 32, 3])
    found = data.read_image(tmp_path / "icon.png", (32, 32, 3), card["preprocessing"])
    np.testing.assert_array_equal(found, read_by_readme()(tmp_path / "icon.png", card))


def test_steps_name_the_numbers():
    card = card_of([8, 8, 3], crop=0.9, interpolation="bilinear")["preprocessing"]
    text = " ".join(card["steps"])
    assert "0.9 * min(W" in text and "Resampling.BILINEAR" in text
    assert card["crop"] == 0.9 and card["mean"] == [0.5] * 3


def test_stretch_keeps_the_whole_image():
    """A published rule from 384 pixels on: no crop, another aspect ratio."""
    image = Image.fromarray(np.arange(40 * 90, dtype="uint8").reshape(40, 90))
    found = data.resize_and_crop(image, (32, 48), 0.5, fit="stretch")
    expected = image.resize((48, 32), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(found, expected)
    facts = {"mean": [0.5] * 3, "std": [0.5] * 3, "fit": "stretch"}
    steps = data.describe_preprocessing(data.TRAINING_RESIZE | facts)["steps"]
    assert "image.resize((width, H), Image.Resampling.BICUBIC), then" in steps[2]


@pytest.mark.parametrize(
    ("size", "inner"),
    [((90, 40), (48, 21)), ((20, 90), (7, 32)), ((1, 900), (1, 32)), ((48, 32),) * 2],
)
def test_pad_keeps_the_whole_image_and_its_shape(size, inner):
    """Width and height of the image, and of it within 48x32 pixels."""
    image = Image.effect_noise(size, 60).convert("RGB").point(lambda x: max(x, 1))
    found = np.array(data.resize_and_crop(image, (32, 48), fit="pad"))
    left, top = (48 - inner[0]) // 2, (32 - inner[1]) // 2
    middle = np.s_[top : top + inner[1], left : left + inner[0]]
    wide = image.resize((inner[0], size[1]), Image.Resampling.BICUBIC)
    whole = wide.resize(inner, Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(found[middle], whole)
    found[middle] = 0
    assert not found.any()  # black around it


@pytest.mark.parametrize("shape", [(480, 640), (641, 480), (500, 375)])
def test_close_to_resize_then_crop(shape):
    """timm's evaluation, where sizes are whole: the same up to rounding."""
    y, x = np.mgrid[: shape[0], : shape[1]] / 60
    pixels = np.stack([np.sin(x), np.cos(y), np.sin(x + y)], -1)
    image = Image.fromarray((127.5 + 120 * pixels).astype("uint8"))
    scale = 256 / min(image.size)
    size = round(image.width * scale), round(image.height * scale)
    left, top = (size[0] - 224) // 2, (size[1] - 224) // 2
    timm = image.resize(size, Image.Resampling.BICUBIC)
    timm = timm.crop((left, top, left + 224, top + 224))
    found = data.resize_and_crop(image, (224, 224), 0.875)
    difference = np.asarray(found, "int32") - np.asarray(timm, "int32")
    assert abs(difference).max() <= 6 and abs(difference).mean() < 2


def test_width_comes_before_height():
    """Versions of Pillow choose another order for tall images, and round otherwise."""
    image = Image.effect_noise((22, 42), 60)
    wide = image.resize((24, 42), Image.Resampling.BICUBIC)
    expected = wide.resize((24, 16), Image.Resampling.BICUBIC)
    found = data.resize_and_crop(image, (16, 24), fit="stretch")
    np.testing.assert_array_equal(found, expected)


def test_impossible_arguments():
    image = Image.new("RGB", (8, 8))
    for crop in (0, 1.1):
        with pytest.raises(ValueError, match=r"crop must lie in \(0, 1\]"):
            data.resize_and_crop(image, (4, 4), crop)
    with pytest.raises(ValueError, match="'cubic'; use nearest"):
        data.resize_and_crop(image, (4, 4), interpolation="cubic")
    with pytest.raises(ValueError, match="crop, pad, stretch, not 'squash'"):
        data.resize_and_crop(image, (4, 4), fit="squash")
