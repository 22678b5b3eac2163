"""The folder that is uploaded: its files, its model card, and what it leaves out."""

import json
import os
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_hybrid.cli import main
from keras_hybrid.publish import write_repository
from keras_hybrid.train import Recipe

pytestmark = pytest.mark.backend_independent

yaml = pytest.importorskip("yaml")


@pytest.fixture
def written(finished, tmp_path):
    return write_repository(finished, "me/galaxies", tmp_path / "out", "cc-by-4.0")


def test_its_files_have_no_images_and_no_places(written, finished):
    names = {path.name for path in written.iterdir()}
    assert names == {"model.keras", "card.json", "recipe.json", "README.md"}
    for path in written.iterdir():
        content = path.read_bytes()
        assert b"secret_place" not in content and b"data:image" not in content
        assert str(finished.parent).encode() not in content
    recipe = Recipe.read(written / "recipe.json")
    assert recipe.network.weights == "start.keras"
    assert recipe.network.model_options == (
        "widths=8,8,8",
        "heads=1,1,1",
        "strides=2,2,2",
    )


def test_the_report_goes_along_if_asked(finished, tmp_path):
    main(["push", str(finished), "me/x", "--folder", str(tmp_path / "a"), "--report"])
    assert (tmp_path / "a" / "report.html").exists()


def front_matter(written):
    text = (written / "README.md").read_text(encoding="utf-8")
    _, facts, rest = text.split("---\n", 2)
    return yaml.safe_load(facts), rest


def test_the_front_matter_is_that_of_the_hub(written):
    facts, _ = front_matter(written)
    (index,) = facts.pop("model-index")
    assert facts == {
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "license": "cc-by-4.0",
        "tags": ["keras", "keras_hybrid", "image-classification", "atc3"],
        "metrics": ["accuracy", "f1"],
    }
    assert index["name"] == "galaxies"
    (result,) = index["results"]
    assert result["task"] == {"type": "image-classification"}
    assert result["dataset"]["name"] == "my galaxies"
    found = {x["type"]: x["value"] for x in result["metrics"]}
    assert found == {"accuracy": 0.75, "f1": 0.5, "loss": 1.25}


def test_the_client_of_the_hub_reads_it(written):
    hub = pytest.importorskip("huggingface_hub")
    data = hub.ModelCard.load(written / "README.md").data
    assert data.license == "cc-by-4.0" and data.library_name == "keras"
    values = {x.metric_type: x.metric_value for x in data.eval_results}
    assert values["accuracy"] == 0.75


def test_a_published_dataset_is_named(finished, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    card = json.loads((run / "card.json").read_text())
    card["dataset"] = card["recipe"]["data"]["dataset"] = "cifar100"
    (run / "card.json").write_text(json.dumps(card))
    facts, text = front_matter(write_repository(run, "me/x", tmp_path / "out"))
    assert facts["datasets"] == ["cifar100"]
    assert "license" not in facts and "No licence has been given." in text


def test_the_text(written):
    _, text = front_matter(written)
    for words in (
        "`atc3` of keras_hybrid with 1,234,567 trainable parameters",
        "16 x 24 pixels with 3 channels",
        "| test accuracy | 0.75 |",
        "| validation accuracy | 0.625 |",
        'ant, bee, cow: wild, the "dog"',
        "Licence: cc-by-4.0.",
        "Decode the file at full size",
    ):
        assert words in text
    assert "training seconds" not in text


def test_the_joint_model_of_folds_starts_no_builder(finished, written, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    card = json.loads((run / "card.json").read_text())
    card["recipe"]["data"]["folds"] = 5
    (run / "card.json").write_text(json.dumps(card))
    _, text = front_matter(write_repository(run, "me/x", tmp_path / "joint"))
    assert "models.ATC3(" not in text and 'load("hf://me/x")' in text
    _, text = front_matter(written)
    assert 'models.ATC3(weights="hf://me/galaxies", classes=10)' in text


def test_plain_keras_loads_the_file(written, finished):
    """As the model card shows, in a fresh process, without the download."""
    code = re.findall(r"```python\n(.*?)```", (written / "README.md").read_text(), re.S)
    plain = next(x for x in code if "hf_hub_download" in x)
    plain = plain.replace("from huggingface_hub import hf_hub_download\n", "")
    plain = re.sub(r"hf_hub_download\(.*?\)", "'model.keras'", plain)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 16, 24, 3)).astype("float32")
    np.save(written.parent / "x.npy", pixels)
    plain += (
        "import numpy\nx = numpy.load('../x.npy')\n"
        "numpy.save('../y.npy', keras.ops.convert_to_numpy(model(x)))\n"
    )
    subprocess.run(
        [sys.executable, "-c", plain], cwd=written, check=True, env=os.environ
    )
    model = keras.models.load_model(finished / "model.keras")
    expected = keras.ops.convert_to_numpy(model(pixels))
    np.testing.assert_allclose(np.load(written.parent / "y.npy"), expected, 0, 1e-5)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["RUN", "galaxies"], "A repository is called owner/name, not 'galaxies'"),
        (["RUN", "../me/x"], "is called owner/name"),
        (["RUN", "me/x", "--licence", "Apache 2"], "'Apache 2' is no licence of the"),
        (["none", "me/x"], "none is no complete run: it has no model.keras"),
        (["BARE", "me/x"], "is no complete run: it has no card.json"),
        (["BROKEN", "me/x"], "is truncated or no .keras file"),
        (["SILENT", "me/x", "--report"], "has no report.html: leave --report out"),
        (["RUN", "me/x", "--folder", "full"], "full has files in it; choose an empty"),
    ],
)
def test_mistakes(arguments, text, finished, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("BARE", "BROKEN", "SILENT"):
        shutil.copytree(finished, name)
    os.remove("BARE/card.json")
    os.remove("SILENT/report.html")
    (tmp_path / "BROKEN" / "model.keras").write_text("no archive")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("")
    arguments = [str(finished) if x == "RUN" else x for x in arguments]
    if "--folder" not in arguments:
        arguments += ["--folder", "out"]
    with pytest.raises(SystemExit) as ended:
        main(["push", *arguments])
    assert ended.value.code == 2
    line = capsys.readouterr().err.strip()
    assert line.startswith("error: ") and text in line and "\n" not in line
    assert not (tmp_path / "out").exists()
