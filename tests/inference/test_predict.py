"""The command `predict`: what it finds, how it streams, what it writes."""

import csv
import io
import json
import os

import keras
import numpy as np
import pytest

import keras_hybrid
from keras_hybrid.cli import main
from keras_hybrid.inference import find_files, predict_files
from tests.inference.conftest import CLASSES, save_images, save_run
from tests.test_cli import error_of

pytestmark = pytest.mark.backend_independent


@pytest.fixture
def photos(tmp_path):
    """Five images, two of them in a sub-folder, a text with the name of an image."""
    save_images(tmp_path / "photos", 3)
    save_images(tmp_path / "photos/more", 2, seed=1)
    (tmp_path / "photos/1.png").write_text("no image")
    return tmp_path / "photos"


def test_files_folders_patterns_and_a_list(photos):
    names = [str(path.relative_to(photos)) for path in find_files([str(photos)])]
    assert names == ["0.png", "1.png", "2.png", "more/0.png", "more/1.png"]
    single, nothing = photos / "2.png", photos / "nothing.png"
    listed = [f"{single}\n", "\n", f"{photos}/more/*.png\r\n"]
    found = find_files([f"{photos}/**/0.png", str(nothing), "-"], listed)
    expected = [photos / "0.png", photos / "more/0.png", nothing, single]
    assert found == [*expected, photos / "more/0.png", photos / "more/1.png"]
    (photos / "a[1].png").write_text("brackets are no pattern if the file exists")
    assert find_files([f"{photos}/a[1].png"]) == [photos / "a[1].png"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["empty"], "empty holds no images"),
        (["*.jpg"], r"No file fits the pattern \*.jpg"),
        ([], "There are no images"),
        (["-"], "There are no images"),
    ],
)
def test_nothing_to_classify(names, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=message):
        find_files(names)


def test_an_unreadable_file_is_a_row(trained, photos, tmp_path, capsys):
    classifier = keras_hybrid.load(trained)
    for suffix in (".csv", ".json"):
        out = tmp_path / f"made/predictions{suffix}"
        arguments = ["predict", str(trained), str(photos), "gone.png"]
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--out", str(out), "--batch-size", "2"])
        assert ended.value.code == 1
        assert "error: 2 of 6 files cannot be read." in capsys.readouterr().err
        rows = read_rows(out)
        assert [row["file"] for row in rows] == [
            *(str(photos / x) for x in ("0.png", "1.png", "2.png")),
            *(str(photos / x) for x in ("more/0.png", "more/1.png")),
            "gone.png",
        ]
        for row in rows:
            if (
                row["file"].endswith(("/1.png", "gone.png"))
                and "more" not in row["file"]
            ):
                assert "image" in row["error"] and not row["best"]
                continue
            best = classifier.predict(row["file"]).top()[0]
            assert not row["error"] and len(best) == len(CLASSES)
            assert [name for name, _ in row["best"]] == [name for name, _ in best]
            np.testing.assert_allclose(
                [p for _, p in row["best"]], [p for _, p in best], rtol=1e-4
            )


def read_rows(path):
    """The rows of both formats in one form."""
    if path.suffix == ".json":
        return [
            {
                "file": row["file"],
                "error": row.get("error"),
                "best": [
                    (x["class"], x["probability"]) for x in row.get("predictions", ())
                ],
            }
            for row in json.loads(path.read_text())
        ]
    ends = ("", "_2", "_3")
    return [
        {
            "file": row["file"],
            "error": row["error"],
            "best": [
                (row[f"class{x}"], float(row[f"probability{x}"]))
                for x in ends
                if row["class"]
            ],
        }
        for row in csv.DictReader(io.StringIO(path.read_text()))
    ]


def test_a_batch_at_a_time(trained, photos, monkeypatch):
    """No image is read before the batch before it was given away."""
    classifier = keras_hybrid.load(trained)
    events, preprocess = [], classifier.preprocess
    monkeypatch.setattr(
        classifier, "preprocess", lambda x: events.append("read") or preprocess(x)
    )
    paths = [photos / "0.png", photos / "2.png"] * 3
    for _ in predict_files(classifier, paths, batch_size=2, quiet=True):
        events.append("given")
    assert events == ["read", "read", "given", "given"] * 3


def test_refused_before_the_model_is_opened(photos, tmp_path, capsys):
    command = ["predict", tmp_path / "no_model", photos]
    (tmp_path / "there.csv").write_text("mine")
    for more, message in (
        (["--out", "x.txt"], "must end in .csv or .json"),
        (["--out", tmp_path / "there.csv"], "use --overwrite"),
        (["--top", "0"], "--top must be 1 or more"),
    ):
        assert message in error_of(capsys, *command, *more)
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_names_from_standard_input(trained, photos, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{photos / '0.png'}\n"))
    main(["predict", str(trained), "-", "--top", "1"])
    name, line = capsys.readouterr().out.splitlines()
    assert name == f"{photos / '0.png'}:"
    assert line.split()[-1] in CLASSES and "%" in line


def test_a_name_that_is_no_utf8_is_written_as_it_is(trained, photos, tmp_path):
    name = b"bad\xff.png"
    os.rename(photos / "2.png", os.fsencode(photos) + b"/" + name)
    out = tmp_path / "predictions.csv"
    with pytest.raises(SystemExit):  # 1.png is no image
        main(["predict", str(trained), str(photos), "--out", str(out)])
    assert name in out.read_bytes()


def test_weights_that_are_no_numbers_predict_nothing(trained, photos, capsys):
    model = keras.models.load_model(trained / "model.keras")
    bias = model.trainable_variables[-1]
    bias.assign(np.full(bias.shape, np.nan))
    save_run(trained, model)
    text = error_of(capsys, "predict", str(trained), str(photos / "0.png"))
    assert "gives probabilities that are no numbers" in text


def test_other_files_of_a_folder_are_counted(photos, capsys):
    (photos / "notes.txt").write_text("no image")
    (photos / "link.png").symlink_to("nowhere")
    assert photos / "link.png" in find_files([str(photos)])
    assert "photos: left out 1 no images (1 .txt)" in capsys.readouterr().err
