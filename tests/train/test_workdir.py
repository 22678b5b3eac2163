"""A workdir belongs to one run: its settings and its images."""

import json

import numpy as np
import pytest

from keras_hybrid.data import Dataset
from keras_hybrid.train import Recipe, run
from tests.train.tiny import images, interrupting, run_on

pytestmark = pytest.mark.backend_independent


@pytest.fixture
def blobs(monkeypatch, tmp_path):
    """A recipe, and the pixels of its dataset, which a test may change."""
    split = images(size=16)
    pixels = split.images.copy()

    def load_blobs(data_dir, image_size, corrupt):
        names = tuple("abc")
        train = type(split)(pixels, split.labels)
        return Dataset("blobs", train, train, names)

    fields = {"epochs": 2, "warmup_epochs": 0, "batch_size": 4, "validation_split": 0.0}
    return run_on(load_blobs, monkeypatch, tmp_path / "run", **fields), pixels


def test_a_complete_run_is_read_and_one_on_other_images_is_not(blobs):
    recipe, pixels = blobs
    card = run(recipe).card
    assert run(recipe).card == card
    pixels[0, 0, 0, 0] ^= 255
    with pytest.raises(ValueError, match="since then: other pixels"):
        run(recipe)
    changed = run(recipe.replace(overwrite=True)).card
    assert changed["dataset_fingerprint"] != card["dataset_fingerprint"]


def test_a_stopped_run_does_not_continue_on_other_images(blobs):
    recipe, pixels = blobs
    with pytest.raises(KeyboardInterrupt):
        run(recipe, interrupting(1))
    pixels[:] = np.random.default_rng(1).integers(0, 256, pixels.shape)
    with pytest.raises(ValueError, match="on other data"):
        run(recipe)


def test_folds_on_other_images(blobs):
    recipe, pixels = blobs
    folds = recipe.replace(folds=2, epochs=1)
    run(folds)
    pixels[0, 0, 0, 0] ^= 255
    with pytest.raises(ValueError, match="on other data"):
        run(folds)


def test_recipe_json_says_which_images(blobs):
    recipe, _ = blobs
    card = run(recipe).card
    file = recipe.directory / "recipe.json"
    assert (
        json.loads(file.read_text())["dataset_fingerprint"]
        == (card["dataset_fingerprint"])
    )
    assert Recipe.read(file) == recipe.replace(keep_best="none")


def test_more_epochs_go_on_from_the_last_state(blobs):
    recipe, _ = blobs
    held_out = recipe.replace(validation_split=0.25, keep_best="loss")
    first = run(held_out).card
    workdir = held_out.directory
    log = (workdir / "metrics.jsonl").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        run(held_out.replace(epochs=5), interrupting(3))
    # what the two epochs have left is there until the end
    assert json.loads((workdir / "card.json").read_text()) == first
    with pytest.raises(ValueError, match=r"epochs 5 -> 4"):
        run(held_out.replace(epochs=4))
    last = run(held_out.replace(epochs=5)).card
    lines = (workdir / "metrics.jsonl").read_bytes()
    assert lines.startswith(log) and len(lines.splitlines()) == 5
    rates = [json.loads(line)["learning_rate"] for line in lines.splitlines()]
    assert rates[2] > rates[1] and rates[4] < 1e-4  # the schedule of five epochs
    assert last["recipe"]["optimization"]["epochs"] == last["metrics"]["epochs"] == 5
    losses = [json.loads(line)["val_loss"] for line in lines.splitlines()]
    assert last["metrics"].get("kept_epoch", 5) == 1 + int(np.argmin(losses))
    assert run(held_out.replace(epochs=5)).card == last


def test_runs_that_cannot_go_on(blobs):
    recipe, _ = blobs
    run(recipe)
    for changed in ({"epochs": 1}, {"epochs": 3, "padding": 1}, {"minutes": 1.0}):
        with pytest.raises(ValueError, match="of other settings"):
            run(recipe.replace(**changed))
    checkpoint = recipe.directory / "checkpoint.npz"
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoint\.npz is damaged.*put the file"):
        run(recipe.replace(epochs=3))
    assert run(recipe).card["metrics"]["epochs"] == 2  # still complete
    checkpoint.unlink()
    with pytest.raises(ValueError, match=r"has no checkpoint\.npz"):
        run(recipe.replace(epochs=3))
    log = recipe.directory / "metrics.jsonl"
    log.write_bytes(log.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(ValueError, match="ended early, after 1 of 2 epochs"):
        run(recipe.replace(epochs=3))
