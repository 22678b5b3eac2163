"""Whatever is handed over for a model: one clear error, nothing run or overwritten."""

import io
import json
import pickle
import re
import shutil
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from keras_hybrid.cli import main
from keras_hybrid.data.read_images import load_images
from keras_hybrid.models.keras_file import load_keras

pytestmark = pytest.mark.backend_independent

MARK = "was-run"  # the file that hostile code would write


class Hostile:
    def __reduce__(self):
        return open, (MARK, "w")


def truncated(name, share=0.6):
    def make(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * share)])
        return folder / name.split("/")[0]

    return make


def changed(name):
    """One bit, in the middle."""

    def make(folder):
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
        return folder / name

    return make


def written(name, content):
    def make(folder):
        (folder / name).write_bytes(content)
        return folder / name

    return make


def renamed(source, name):
    def make(folder):
        shutil.move(folder / source, folder / name)
        return folder / name

    return make


def removed(place):
    def make(folder):
        path = folder / place
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        return folder / place.split("/")[0]

    return make


def huge(name):
    """Three gigabytes of nothing, which take no room on the disk."""

    def make(folder):
        with open(folder / name, "wb") as file:
            file.truncate(3 * 2**30)
        return folder / name

    return make


def with_config(change):
    """A .keras file whose configuration was changed."""

    def make(folder):
        source = zipfile.ZipFile(folder / "model.keras")
        config = json.loads(source.read("config.json"))
        layers = config["config"]["layers"]
        change(layers[1])
        with zipfile.ZipFile(folder / "changed.keras", "w") as target:
            for name in set(source.namelist()) - {"config.json"}:
                target.writestr(name, source.read(name))
            target.writestr("config.json", json.dumps(config))
        return folder / "changed.keras"

    return make


def a_lambda(layer):
    def write(x):
        with open(MARK, "w"):
            return x

    config = keras.saving.serialize_keras_object(keras.layers.Lambda(write))
    layer.update(class_name="Lambda", module="keras.layers")
    layer["config"] = config["config"]


def a_foreign_class(layer):
    layer.update(module="subprocess", class_name="Popen", registered_name=None)
    layer["config"] = {"args": ["touch", MARK]}


def a_registered_class(layer):
    """Of a package whose name begins like a known one's."""
    layer.update(module="keras_extra", class_name="X", registered_name="extra>X")


def a_borrowed_name(layer):
    a_foreign_class(layer)
    layer.update(registered_name="keras_hybrid>Popen")


def a_foreign_function(layer):
    function = {"module": "os", "class_name": "function", "config": "system"}
    layer["config"]["activation"] = function


def an_unknown_layer(layer):
    layer.update(class_name="Rescalings")


def bomb(large):
    """A small .keras file with one member that unpacks to 128 MiB."""

    def make(folder):
        with zipfile.ZipFile(folder / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as file:
            for name in ("config.json", "model.weights.h5"):
                file.writestr(name, " " * 2**27 if name == large else "{}")
        return folder / "bomb.keras"

    return make


def a_weights_swap(folder):
    """The weights of another architecture under this one's configuration."""
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    other.save(folder / "other.keras")
    source = zipfile.ZipFile(folder / "model.keras")
    weights = zipfile.ZipFile(folder / "other.keras").read("model.weights.h5")
    with zipfile.ZipFile(folder / "swapped.keras", "w") as target:
        for name in ("config.json", "metadata.json"):
            target.writestr(name, source.read(name))
        target.writestr("model.weights.h5", weights)
    return folder / "swapped.keras"


def a_model_of_vectors(folder):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(
        folder / "vectors.keras"
    )
    return folder / "vectors.keras"


def png(size=9):
    file = io.BytesIO()
    Image.effect_noise((size, size), 90).save(file, "png")
    return file.getvalue()


BAD_MODELS = {
    "nothing there": (lambda folder: folder / "none.onnx", "There is no model"),
    "truncated keras": (truncated("model.keras"), "truncated or no .keras"),
    "changed keras": (changed("model.keras"), "model.weights.h5 is damaged"),
    "truncated litert": (truncated("model.tflite"), "damaged or no LiteRT"),
    "a litert header": (truncated("model.tflite", 0.001), "damaged or no LiteRT"),
    "truncated onnx": (truncated("model.onnx"), "cannot be loaded"),
    "truncated graph": (truncated("saved_model/saved_model.pb"), "cannot be loaded"),
    "no variables": (removed("saved_model/variables"), "cannot be loaded"),
    "truncated openvino": (truncated("openvino/model.bin"), "cannot be loaded"),
    "no openvino weights": (removed("openvino/model.bin"), "cannot be loaded"),
    "empty keras": (written("empty.keras", b""), "truncated or no .keras"),
    "empty litert": (written("empty.tflite", b""), "damaged or no LiteRT"),
    "empty onnx": (written("empty.onnx", b""), "cannot be loaded|no images"),
    "onnx as litert": (renamed("model.onnx", "x.tflite"), "damaged or no LiteRT"),
    "litert as onnx": (renamed("model.tflite", "x.onnx"), "cannot be loaded"),
    "litert as keras": (renamed("model.tflite", "x.keras"), "it is no .keras file"),
    "keras as onnx": (renamed("model.keras", "x.onnx"), "cannot be loaded"),
    "an image": (written("photo.png", png()), "no model file"),
    "an image as onnx": (written("photo.onnx", png()), "cannot be loaded"),
    "text as openvino": (written("model.xml", b"<html></html>"), "cannot be loaded"),
    "a pickle": (written("x.keras", pickle.dumps(Hostile())), "truncated or no"),
    "huge onnx": (huge("model.onnx"), "cannot be loaded"),
    "huge litert": (huge("model.tflite"), "damaged or no LiteRT"),
    "a bomb": (bomb("config.json"), "far more than its own size"),
    "a bomb of weights": (bomb("model.weights.h5"), "far more than its own size"),
    "a lambda": (with_config(a_lambda), "Lambda.*may run any code"),
    "a foreign class": (with_config(a_foreign_class), "subprocess.Popen.*may run"),
    "a registered class": (with_config(a_registered_class), "keras_extra.X.*may run"),
    "a borrowed name": (with_config(a_borrowed_name), "cannot be loaded"),
    "a foreign function": (with_config(a_foreign_function), "os.function.*may run"),
    "an unknown layer": (with_config(an_unknown_layer), "cannot be loaded"),
    "swapped weights": (a_weights_swap, "cannot be loaded"),
    "a model of vectors": (a_model_of_vectors, "takes no images"),
}


def error_of(capsys, *arguments):
    """The one line a mistake is answered with."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert ended.value.code == 2
    text = capsys.readouterr().err.strip().splitlines()[-1]
    assert text.startswith("error: ")
    return text


def contents(folder):
    """Of every file its beginning, its size and when it was written."""
    found = {}
    for path in sorted(x for x in folder.rglob("*") if x.is_file()):
        with open(path, "rb") as file:
            status = path.stat()
            found[path] = (file.read(2**20), status.st_size, status.st_mtime_ns)
    return found


@pytest.fixture
def image(tmp_path):
    (tmp_path / "photo.png").write_bytes(png())
    return tmp_path / "photo.png"


@pytest.mark.parametrize("name", BAD_MODELS)
def test_bad_model(name, copy, image, capsys, monkeypatch):
    make, message = BAD_MODELS[name]
    bad = make(copy)
    monkeypatch.chdir(copy)
    before = contents(copy)
    text = error_of(capsys, "predict", bad, image)
    assert re.search(message, text), text
    assert bad.name in text
    if bad.suffix == ".keras" and bad.exists():
        # neither is it exported, over files that are there
        out = ("--out", copy, "--overwrite", "--formats", "onnx")
        assert bad.name in error_of(capsys, "export", bad, *out)
    assert contents(copy) == before and not (copy / MARK).exists()


def swap(folder):
    shutil.copy(folder / "model_float16.tflite", folder / "model.tflite")


def swap_with_cards(folder):
    """Two files and the hashes in their cards change places: the logits tell."""
    a, b = (folder / x for x in ("model_dynamic.tflite", "model.tflite"))
    cards = [x.with_name(f"{x.name}.card.json") for x in (a, b)]
    first, second = (json.loads(x.read_text()) for x in cards)
    content = next(iter(first["artefact"]["files"].values()))
    second["artefact"]["files"] = {b.name: content}
    cards[1].write_text(json.dumps(second))
    shutil.copy(a, b)


def without_hashes(folder):
    path = folder / "model.onnx.card.json"
    card = json.loads(path.read_text())
    del card["artefact"]["files"]
    path.write_text(json.dumps(card))


def another_model(folder):
    with open(folder / "model.keras", "ab") as file:
        file.write(b"x")


DAMAGES = {
    "truncated": (truncated("model.onnx", 0.99), "truncated or replaced"),
    "changed": (changed("model.onnx"), "was changed"),
    "changed inside": (changed("openvino/model.bin"), "model.bin was changed"),
    "missing inside": (removed("saved_model/variables"), "is missing"),
    "more inside": (written("saved_model/assets/x.txt", b"x"), "was not there"),
    "gone": (removed("model.tflite"), "is gone"),
    "renamed": (renamed("model.tflite", "other.tflite"), "is gone"),
    "swapped": (swap, "truncated or replaced"),
    "swapped with hashes": (swap_with_cards, "differs from Keras"),
    "another model": (another_model, "not the model any more"),
    "card cut": (truncated("model.onnx.card.json"), "card.json is damaged"),
    "card without hashes": (without_hashes, "card.json is damaged"),
    "card emptied": (written("model.onnx.card.json", b"[]"), "card.json is damaged"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_verify_notices(name, copy, capsys):
    make, message = DAMAGES[name]
    make(copy)
    before = contents(copy)
    for card in copy.glob("*.card.json"):  # what is not concerned need not be run
        if card.name.removesuffix(".card.json") not in (
            "model.onnx",
            "openvino",
            "model.tflite",
            "saved_model",
        ):
            card.unlink()
    if message == "differs from Keras" or message == "not the model any more":
        target = copy / "model.tflite"
    else:
        target = copy
    text = error_of(capsys, "verify", target)
    assert message in text
    assert all(contents(copy).get(x) == y for x, y in before.items() if x.exists())


def test_verify_of_what_has_no_card(tmp_path, capsys):
    assert "no exported file with a card" in error_of(capsys, "verify", tmp_path)


BAD_IMAGES = {
    "text": b"hello",
    "empty": b"",
    "truncated": png(size=64)[:300],
    "huge": None,
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_bad_image(name, run, tmp_path, capsys):
    path = tmp_path / "photo.png"
    if BAD_IMAGES[name] is None:
        Image.new("1", (20_000, 20_000)).save(path)
    else:
        path.write_bytes(BAD_IMAGES[name])
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(run / "model.onnx"), str(path)])
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "photo.png cannot be read as an image" in said.out + said.err
    assert said.err.endswith("error: 1 of 1 files cannot be read.\n")


def test_bad_arrays(tmp_path):
    np.savez(tmp_path / "hostile.npz", images=np.array([Hostile()], dtype=object))
    np.savez(tmp_path / "floats.npz", images=np.zeros((2, 4, 4, 3)))
    np.savez(tmp_path / "other.npz", other=np.zeros((2, 4, 4, 3), "uint8"))
    (tmp_path / "folder").mkdir()
    for name, message in {
        "hostile.npz": "no .npz file with images",
        "floats.npz": "must be uint8",
        "other.npz": "no .npz file with images",
        "folder": "has no images",
    }.items():
        with pytest.raises(ValueError, match=message):
            load_images(tmp_path / name, (4, 4, 3), {})
    with pytest.raises(FileNotFoundError, match="no images at"):
        load_images(tmp_path / "none", (4, 4, 3), {})


def test_names_of_another_model(copy, image, capsys):
    card = {"class_names": ["one", "two"]}
    (copy / "model.onnx.card.json").write_text(json.dumps(card))
    text = error_of(capsys, "predict", copy / "model.onnx", image)
    assert "5 classes, but its card names 2" in text
    (copy / "model.onnx.card.json").write_text("{")
    assert "is damaged" in error_of(capsys, "predict", copy / "model.onnx", image)


def test_a_whole_file_is_loaded(tmp_path):
    """What is refused above is not refused for another reason."""
    from tests.export.conftest import small_atc

    small_atc().save(tmp_path / "model.keras")
    assert load_keras(tmp_path / "model.keras").count_params() > 0
