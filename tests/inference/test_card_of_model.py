"""The names of the classes are those of the model file, never of a card beside it."""

import json
import shutil
import warnings

import numpy as np
import pytest

import keras_hybrid
from keras_hybrid.export.export_report import hashes
from keras_hybrid.export.model_card import read_card
from keras_hybrid.publish import repository
from keras_hybrid.train import run
from keras_hybrid.utils.files import sha256
from keras_hybrid.utils.one_line_errors import one_line_errors
from tests.inference.conftest import save_run, tiny
from tests.train.tiny import images, run_on

pytestmark = pytest.mark.backend_independent


@pytest.fixture
def bound(tmp_path):
    """A model with a card that has its hash."""
    return save_run(tmp_path / "bound", tiny())


@pytest.fixture(autouse=True)
def strict():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def bind(folder):
    card = json.loads((folder / "card.json").read_text())
    card["model_sha256"] = sha256(folder / "model.keras")
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def test_the_card_of_the_model_is_read(bound):
    for path in (bound, bound / "model.keras"):
        assert keras_hybrid.load(path).classes == ("ant", "bee", "cow")


def test_another_model_beside_the_card_is_refused(bound, tmp_path):
    other = tiny(widths=(8, 8, 16))
    other.save(bound / "model.keras")
    with pytest.raises(ValueError, match="is the card of another model") as error:
        keras_hybrid.load(bound)
    text = str(error.value)
    assert str(bound / "card.json") in text and "\n" not in text
    with pytest.raises(ValueError, match="is the card of another model"):
        read_card(bound / "model.keras")
    shutil.copyfile(bound / "card.json", bound / "model.keras.card.json")
    with pytest.raises(ValueError, match=r"model\.keras\.card\.json is the card of"):
        keras_hybrid.load(bound / "model.keras")


def test_a_file_of_another_name_does_not_take_the_names_of_a_run(bound):
    tiny(widths=(8, 8, 16)).save(
        bound / "other.keras"
    )  # the same: equal within a second
    with pytest.warns(UserWarning, match=r"other\.keras and is not used"):
        classifier = keras_hybrid.load(bound / "other.keras")
    assert classifier.classes[0] == "class 0"


def test_a_card_without_a_hash_is_taken_on_trust_and_said(tmp_path):
    folder = save_run(tmp_path / "old", tiny(), model_sha256=None)
    with pytest.warns(UserWarning, match=r"card\.json has no hash of its model"):
        assert keras_hybrid.load(folder).classes == ("ant", "bee", "cow")


def test_exported_files_have_their_own_cards(bound, tmp_path):
    exported = bound / "model.onnx"
    exported.write_bytes(b"something")
    own = {"class_names": ["x", "y", "z"], "artefact": {"files": hashes(exported)}}
    (bound / "model.onnx.card.json").write_text(json.dumps(own))
    assert read_card(exported)["class_names"] == ["x", "y", "z"]
    renamed = tmp_path / "renamed.onnx"
    shutil.copyfile(exported, renamed)
    (tmp_path / "renamed.onnx.card.json").write_text(json.dumps(own))
    assert read_card(renamed)["class_names"] == ["x", "y", "z"]
    exported.write_bytes(b"another one")
    with pytest.raises(ValueError, match=r"model\.onnx\.card\.json is the card of ano"):
        read_card(exported)
    (bound / "model.onnx.card.json").unlink()
    with pytest.warns(UserWarning, match=r"model\.onnx and is not used"):
        assert read_card(exported) == {}


def test_a_run_and_its_repository_are_bound(monkeypatch, tmp_path):
    from keras_hybrid import data

    split = images(size=16)

    def load(data_dir, image_size, corrupt):
        return data.Dataset("blobs", split, split, ("a", "b", "c"))

    fields = {"epochs": 1, "warmup_epochs": 0, "batch_size": 8}
    result = run(run_on(load, monkeypatch, tmp_path / "run", **fields))
    assert result.card["model_sha256"] == sha256(tmp_path / "run" / "model.keras")
    assert keras_hybrid.load(tmp_path / "run").classes == ("a", "b", "c")
    repository.write_repository(tmp_path / "run", "me/blobs", tmp_path / "hub")
    assert keras_hybrid.load(tmp_path / "hub").classes == ("a", "b", "c")
    tiny().save(tmp_path / "run" / "model.keras")
    with pytest.raises(ValueError, match="is the card of another model"):
        repository.write_repository(tmp_path / "run", "me/blobs", tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


def test_warnings_of_a_command_are_one_line(capsys):
    warnings.resetwarnings()
    with one_line_errors():
        warnings.warn("something to know", stacklevel=1)
    assert capsys.readouterr().err == "Warning: something to know\n"


def test_outputs_that_are_no_numbers_are_an_error(bound):
    model = tiny()
    model.get_layer("head").bias.assign(np.full(3, np.nan, "float32"))
    model.save(bound / "model.keras")
    bind(bound)
    with pytest.raises(ValueError, match="probabilities that are no numbers"):
        keras_hybrid.load(bound).predict(np.zeros((2, 16, 16, 3), "uint8"))
    from keras_hybrid.export.write import prepared

    with (
        pytest.raises(ValueError, match="logits that are no numbers"),
        prepared(model, {"artefact": {}}, None),
    ):
        pass
