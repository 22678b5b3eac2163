"""Images without labels that are suggested for labelling."""

import csv

import numpy as np
import pytest

from keras_hybrid import inference
from keras_hybrid.cli import main
from keras_hybrid.data import load
from keras_hybrid.inference.suggest import margins
from tests.inference.conftest import save_images, save_run, tiny
from tests.test_cli import error_of

pytestmark = pytest.mark.backend_independent


def test_margin_is_that_of_the_two_likeliest():
    shares = np.array([[0.2, 0.5, 0.3], [0.9, 0.05, 0.05], [0.5, 0.5, 0]])
    np.testing.assert_allclose(margins(shares), [0.2, 0.85, 0])


def test_least_sure_come_first(trained, tmp_path):
    folder = tmp_path / "unlabelled"
    save_images(folder, 9)
    save_images(folder / "more", 3, seed=1)
    (folder / "bad.png").write_bytes(b"no image")
    found = inference.suggest(trained, folder, 5, batch_size=4, quiet=True)
    files = sorted(x for x in folder.rglob("*.png") if x.name != "bad.png")
    every = inference.load(trained).predict(files)
    order = np.argsort(margins(every.probabilities))[:5]
    assert found.paths == [files[index] for index in order]
    np.testing.assert_allclose(
        found.prediction.probabilities, every.probabilities[order], atol=1e-6
    )
    assert found.looked_at == 12 and list(found.unreadable) == [folder / "bad.png"]


def test_table_is_one_of_labels_once_it_is_filled_in(trained, tmp_path, capsys):
    folder = tmp_path / "unlabelled"
    save_images(folder / "café, 1", 12)
    main(["suggest", str(trained), str(folder), "--count", "10"])
    assert "10 of 12 images" in capsys.readouterr().out
    with open(trained / "suggested" / "suggested.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == {""}
    assert {row["file"] for row in rows} <= {f"café, 1/{i}.png" for i in range(12)}
    page = (trained / "suggested" / "suggested.html").read_text("utf-8")
    assert page.count("data:image/jpeg;base64,/9j/") == 10
    for number, row in enumerate(rows):
        row["label"] = "ab"[number % 2]
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    dataset = load("folder", folder, 16)
    assert dataset.class_names == ("a", "b")
    assert len(dataset.train) + len(dataset.test) == 10


def test_what_cannot_be_suggested_is_refused(trained, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no images" in error_of(capsys, "suggest", trained, empty)
    missing = error_of(capsys, "suggest", trained, tmp_path / "missing")
    assert "is not a folder of images" in missing
    save_images(tmp_path / "photos", 1)
    said = error_of(capsys, "suggest", trained, tmp_path / "photos", "--count", "0")
    assert "count must be 1 or more" in said
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "bad.png").write_bytes(b"no image")
    assert "None of the 1" in error_of(capsys, "suggest", trained, tmp_path / "bad")
    several = save_run(tmp_path / "several", tiny(), task="multilabel")
    said = error_of(capsys, "suggest", several, tmp_path / "photos")
    assert "one class per image" in said
