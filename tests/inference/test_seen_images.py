"""An evaluation says which images the model was trained on."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_hybrid.inference import evaluate, evaluation_text
from keras_hybrid.inference import seen_images as module
from tests.data.check.generated_images import generated_image
from tests.inference.conftest import CLASSES

pytestmark = pytest.mark.backend_independent


def save(folder, first):
    """Four images of each class, numbered from `first`."""
    for c, label in enumerate(CLASSES):
        (folder / label).mkdir(parents=True)
        for i in range(first, first + 4):
            image = generated_image(100 * c + i)
            image.save(folder / label / f"{i}.png")
    return folder


@pytest.fixture
def run_of_photos(trained, tmp_path):
    """The folder of a run with its manifest, and the images it trained on."""
    photos = save(tmp_path / "photos", 0)
    names = sorted(x.relative_to(photos).as_posix() for x in photos.rglob("*.png"))
    splits = ["train", "validation", "train", "test"] * 3
    rows = [f"{x},{x.split('/')[0]},{y}" for x, y in zip(names, splits, strict=True)]
    table = "\n".join(["path,label,split", *rows])
    (trained / "manifest.csv").write_text(table + "\n")
    recipe = {"runtime": {"data_dir": str(photos)}}
    (trained / "recipe.json").write_text(json.dumps(recipe))
    yield trained, photos
    (trained / "manifest.csv").unlink()
    (trained / "recipe.json").unlink()


def test_the_training_folder_is_known_and_the_rest_is_scored(run_of_photos):
    pytest.importorskip("imagehash")
    run, photos = run_of_photos
    result = evaluate(run, photos, quiet=True)
    assert result.seen.sum() == 9 and len(result.unseen.labels) == 3
    rest = [i for i, path in enumerate(result.paths) if path.name == "3.png"]
    right = result.outputs[rest].argmax(-1) == result.labels[rest]
    assert result.unseen.metrics["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
    text = evaluation_text(result)
    assert "9 of these images are copies of images that the model was" in text
    assert "Without them: accuracy" in text
    found = result.as_dict()["seen_in_training"]
    assert found["seen"] == 9 and found["metrics"] == result.unseen.metrics


def test_near_copies_are_known_and_new_images_are_not(run_of_photos, tmp_path):
    pytest.importorskip("imagehash")
    run, photos = run_of_photos
    new = save(tmp_path / "new", 10)
    result = evaluate(run, new, quiet=True)
    assert not result.seen.any() and result.unseen is None
    assert "No image is a copy of one" in evaluation_text(result)
    assert result.as_dict()["seen_in_training"] == {"seen": 0}
    for label in CLASSES:  # recompressed
        with Image.open(photos / label / "0.png") as image:
            image.save(new / label / "again.jpg", quality=80)
    result = evaluate(run, new, quiet=True)
    seen = [path.name for path, x in zip(result.paths, result.seen, strict=True) if x]
    assert seen == ["again.jpg"] * 3


def test_without_imagehash_exact_copies_are_known(run_of_photos, monkeypatch):
    run, photos = run_of_photos
    monkeypatch.setattr(module, "is_installed", lambda name: False)
    result = evaluate(run, photos, quiet=True)
    assert result.seen.sum() == 9 and "only exact" in result.note.lower()


def test_training_images_that_are_gone_are_counted(run_of_photos, monkeypatch):
    run, photos = run_of_photos
    monkeypatch.setattr(module, "is_installed", lambda name: False)
    (photos / CLASSES[0] / "0.png").unlink()
    result = evaluate(run, photos, quiet=True)
    assert result.seen.sum() == 8 and result.note.startswith("1 of the 9 images that")
    assert "Only exact copies" in result.note


def test_nothing_is_said_where_the_training_images_are_not_known(
    run_of_photos, tmp_path
):
    run, photos = run_of_photos
    new = save(tmp_path / "new", 10)
    photos.rename(tmp_path / "elsewhere")
    result = evaluate(run, new, quiet=True)
    assert result.seen is None and "not looked for" in result.note
    (run / "manifest.csv").write_text("")
    (run / "recipe.json").rename(run / "other.json")
    result = evaluate(run, new, quiet=True)
    (run / "other.json").rename(run / "recipe.json")
    assert result.seen is None and not result.seen_lines() and not result.note
    assert "seen_in_training" not in result.as_dict()
    assert np.isfinite(list(result.metrics.values())).all()
