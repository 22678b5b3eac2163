"""A damaged file of a run costs an epoch, or is named in one line; nothing is lost."""

import json

import numpy as np
import pytest

from keras_hybrid.cli import main
from keras_hybrid.data import load
from keras_hybrid.train import Recipe, run
from keras_hybrid.train.checkpoint import FILE, FORMER, restore_state
from keras_hybrid.train.fit import fit
from keras_hybrid.train.more_epochs import check_state
from keras_hybrid.train.workdir import claim, complete_card
from tests.train.tiny import images, interrupting, network, recipe
from tests.utils.test_lock import end, held_elsewhere

pytestmark = pytest.mark.backend_independent


@pytest.fixture
def stopped(tmp_path):
    """A run of four epochs that was interrupted in the fourth."""
    with pytest.raises(KeyboardInterrupt):
        resume(tmp_path, interrupting(3))
    return tmp_path


def resume(folder, callbacks=()):
    model = network()
    fit(recipe(epochs=4), folder, model, images(), None, callbacks=callbacks)
    return model


def cut(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def of_another_network(file):
    np.savez(file, epoch=3, **{"00000": np.zeros(3)})


def with_log_cut(file):
    log = file.with_name("metrics.jsonl")
    log.write_bytes(log.read_bytes()[:-20])


@pytest.mark.parametrize("damage", [cut, of_another_network, with_log_cut])
def test_the_checkpoint_before_the_newest_is_used(
    damage, stopped, tmp_path_factory, capsys
):
    whole = resume(tmp_path_factory.mktemp("whole"))
    damage(stopped / FILE)
    resumed = resume(stopped)
    said = capsys.readouterr().out
    assert FILE in said and "its predecessor is used" in said
    assert "Going on after epoch 2" in said
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
    lines = (stopped / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4]


def test_two_damaged_checkpoints_are_named_and_kept(stopped):
    for name in (FILE, FORMER):
        cut(stopped / name)
    before = {x: x.read_bytes() for x in stopped.iterdir()}
    with pytest.raises(ValueError, match=rf"{FILE} is damaged.*--overwrite"):
        resume(stopped)
    assert before == {x: x.read_bytes() for x in stopped.iterdir()}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("recipe.json", b"{"),
        ("recipe.json", b"[" * 10**5),
        ("recipe.json", json.dumps({"optimization": {"epochs": "ten"}}).encode()),
        ("recipe.json", json.dumps({"optimization": 5}).encode()),
        ("recipe.json", json.dumps({"other": 5}).encode()),
        ("card.json", b'{"model": 5}'),
        ("card.json", b'{"model": "atc3"}'),
    ],
)
def test_damaged_json(name, content, tmp_path):
    settings = Recipe.of(workdir=str(tmp_path))
    facts = settings.as_dict() | {"dataset_fingerprint": "x"}
    (tmp_path / "recipe.json").write_text(json.dumps(facts))
    (tmp_path / "model.keras").write_bytes(b"good")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        complete_card(settings, tmp_path, load("digits"))
    assert (tmp_path / "model.keras").read_bytes() == b"good"


def with_facts(folder, value):
    path = folder / "recipe.json"
    settings = json.loads(path.read_text())
    settings["data_of_the_run"] = value(settings["data_of_the_run"])
    path.write_text(json.dumps(settings))


@pytest.mark.parametrize(
    "value",
    [
        lambda x: [1],
        lambda x: x | {"class_names": 3},
        lambda x: x | {"class_names": [3]},
        lambda x: x | {"train": "many"},
        lambda x: x | {"keras_hybrid": 5},
        lambda x: {"train": x["train"]},
    ],
)
def test_damaged_facts_of_the_data_are_named(tmp_path, value):
    dataset, settings = load("digits"), recipe(epochs=2)
    claim(settings, tmp_path, dataset)
    (tmp_path / "checkpoint.npz").touch()
    assert complete_card(settings, tmp_path, dataset) is None
    with_facts(tmp_path, value)
    with pytest.raises(ValueError, match=r"data_of_the_run in its recipe\.json"):
        complete_card(settings, tmp_path, dataset)


@pytest.mark.parametrize("part", [3, {}, {"epochs": "x"}, {"epochs": None}])
def test_a_damaged_recipe_in_a_card_does_not_pass_for_a_complete_run(tmp_path, part):
    dataset, settings = load("digits"), recipe(epochs=2)
    claim(settings, tmp_path, dataset)
    card = {"model": "", "dataset": "", "metrics": {}, "recipe": {"optimization": part}}
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match=r"card\.json is damaged: its recipe has no"):
        complete_card(recipe(epochs=3), tmp_path, dataset)


def test_a_damaged_log_is_no_early_end(tmp_path):
    card = {"recipe": {"optimization": {"epochs": 2}}}
    for log in (None, "[1]\n", '{"epoch": 1, "lo'):
        if log:
            (tmp_path / "metrics.jsonl").write_text(log)
        with pytest.raises(ValueError, match=r"metrics\.jsonl has only the first 0 of"):
            check_state(card, tmp_path)


@pytest.mark.parametrize("epoch", ["x", [1, 2], np.nan, np.inf])
def test_a_checkpoint_with_another_epoch_is_named(tmp_path, epoch):
    np.savez(tmp_path / FILE, epoch=np.array(epoch))
    with pytest.raises(ValueError, match=f"{FILE} is damaged: epoch in it is no num"):
        restore_state(tmp_path / FILE, network())


def test_a_second_process_is_refused_before_it_reads_anything(tmp_path):
    process = held_elsewhere(tmp_path / "run")
    with pytest.raises(ValueError, match="Another process is at work"):
        run(Recipe.of(dataset="none", workdir=str(tmp_path / "run")))
    end(process)


def test_a_damaged_recipe_on_the_command_line(tmp_path, capsys):
    (tmp_path / "recipe.json").write_text('{"data": {"fraction": [1]}}')
    with pytest.raises(SystemExit) as ended:
        main(["train", "--recipe", str(tmp_path / "recipe.json")])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "recipe.json is no recipe: fraction cannot be" in line
