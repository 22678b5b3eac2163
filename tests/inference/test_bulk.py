"""Predictions of folders, tar shards and tables in parts, without a cluster."""

import io
import json
import os
import tarfile

import numpy as np
import pytest
from PIL import Image

import keras_hybrid
from keras_hybrid.cli import main
from keras_hybrid.inference import BatchPredictor, predict_on_ray
from keras_hybrid.inference.bulk import predict_on_ray as driver
from keras_hybrid.inference.bulk.columns import as_text
from keras_hybrid.inference.bulk.part_predictor import PartPredictor
from keras_hybrid.inference.bulk.parts import divide
from keras_hybrid.inference.bulk.plan import FILE
from keras_hybrid.inference.bulk.sources import find_sources
from tests.inference.conftest import noise, save_images
from tests.read_csv import rows_of as rows_of_csv
from tests.test_cli import error_of

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
pytestmark = pytest.mark.backend_independent


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def save_tar(path, contents, mode="w"):
    with tarfile.open(path, mode) as tar:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return str(path)


@pytest.fixture
def photos(tmp_path):
    """Five images of a folder, one of which cannot be read."""
    save_images(tmp_path / "photos", 5)
    (tmp_path / "photos/3.png").write_text("no image")
    return tmp_path / "photos"


@pytest.fixture
def here(monkeypatch):
    """No cluster: parts are written in this process, at most `most` of them."""
    limit = {"most": 99, "written": []}

    class Cluster:
        def __enter__(self):
            return None

        def __exit__(self, *error):
            return None

    def write(ray, missing, workers, given):
        predictor = PartPredictor(*given)
        for number in missing[: limit["most"]]:
            limit["written"].append(number)
            (failure,) = predictor({"part": np.array([number])})["failure"]
            yield {"failure": failure}
        if len(missing) > limit["most"]:
            raise RuntimeError("lost")

    monkeypatch.setattr(driver, "require_ray", lambda: None)
    monkeypatch.setattr(driver, "_cluster", Cluster)
    monkeypatch.setattr(driver, "_write", write)
    return limit


def rows_of(out):
    return parquet.read_table(out).to_pylist()


def test_batches_of_ray_data(trained):
    pixels = noise((3, 16, 16, 3), seed=4)
    expected = keras_hybrid.load(trained).predict(pixels)
    predictor = BatchPredictor(trained, top=2, column="bytes")
    cells = np.array([png(pixels[0]), b"no image", png(pixels[2]), None], object)
    found = predictor({"bytes": cells, "id": np.arange(4)})
    assert set(found) == {
        "id",
        "class",
        "probability",
        "class_2",
        "probability_2",
        "error",
    }
    assert found["id"].tolist() == [0, 1, 2, 3]
    assert found["class"].tolist() == [expected.names[0], None, expected.names[2], None]
    best = expected.probabilities.max(-1)
    np.testing.assert_allclose(found["probability"][[0, 2]], best[[0, 2]], rtol=1e-4)
    assert np.isnan(found["probability"][[1, 3]]).all()
    assert found["error"].tolist() == [
        None,
        "The content cannot be read as an image: it is of no known kind",
        None,
        "The row has no image.",
    ]
    arrays = BatchPredictor(trained)({"image": pixels})
    assert arrays["class"].tolist() == expected.names


def test_the_columns_are_those_of_the_csv(trained, photos, here, tmp_path, capsys):
    arguments = ["predict", str(trained), str(photos)]
    for more in (["predictions.csv"], ["found", "--ray", "--shard-size", "2"]):
        with pytest.raises(SystemExit, match="1"):
            main([*arguments, "--out", str(tmp_path / more[0]), *more[1:]])
    assert "found: 5 images in 3 Parquet files\n" in capsys.readouterr().out
    expected = rows_of_csv(tmp_path / "predictions.csv")
    found = rows_of(tmp_path / "found")
    assert list(found[0]) == list(expected[0])
    for row, line in zip(found, expected, strict=True):
        for name, cell in row.items():
            if name.startswith("probability") and cell is not None:
                # other batches round in another way
                np.testing.assert_allclose(cell, float(line[name]), rtol=1e-4)
            else:
                assert cell == (line[name] or None), name


def test_what_is_missing_is_done_and_nothing_twice(trained, photos, here, tmp_path):
    out = tmp_path / "found"

    def predict(**more):
        return predict_on_ray(
            trained, [str(photos)], out, shard_size=2, quiet=True, **more
        )

    here["most"] = 1
    with pytest.raises(RuntimeError, match="lost"):
        predict()
    assert parquet.read_table(out).num_rows == 2
    save_images(photos / "later", 3, seed=2)
    here["most"] = 99
    found = predict()
    assert here["written"] == [0, 1, 2, 3, 4]
    assert (found.images, found.unreadable, found.files, found.new) == (8, 1, 5, 4)
    names = [row["file"] for row in rows_of(out)]
    first = [str(photos / f"{i}.png") for i in range(5)]
    assert names == first + [str(photos / f"later/{i}.png") for i in range(3)]
    assert predict().new == 0 and len(here["written"]) == 5
    with pytest.raises(ValueError, match="--top 5, not 1"):
        predict(top=1)
    assert predict(top=1, overwrite=True).new == 4
    card = json.loads((trained / "card.json").read_text())
    (trained / "card.json").write_text(json.dumps(card | {"note": "other"}))
    with pytest.raises(ValueError, match="another model"):
        predict(top=1)


def test_what_fails_on_a_worker_is_told(trained, photos, here, tmp_path):
    (trained / "model.keras").write_text("no model")
    (trained / "card.json").unlink()
    with pytest.raises(RuntimeError, match=r"model\.keras is truncated or no \.keras"):
        predict_on_ray(trained, [str(photos)], tmp_path / "found", quiet=True)


def test_tar_shards(trained, here, tmp_path):
    pixels = noise((3, 16, 16, 3), seed=4)
    contents = {f"{i:03}.png": png(image) for i, image in enumerate(pixels)}
    contents |= {"000.json": b"{}", "a/b.JPG": b"no image"}
    plain = save_tar(tmp_path / "a.tar", contents)
    zipped = save_tar(tmp_path / "b.tar.gz", contents, "w:gz")
    cut = tmp_path / "c.tar"
    cut.write_bytes((tmp_path / "a.tar").read_bytes()[:1000])
    found = predict_on_ray(
        trained, [str(tmp_path / "*.tar*")], tmp_path / "out", quiet=True
    )
    assert (found.images, found.files) == (9, 3)
    rows = rows_of(tmp_path / "out")
    names = [
        f"{x}#{name}"
        for x in (plain, zipped)
        for name in ("000.png", "001.png", "002.png", "a/b.JPG")
    ]
    assert [row["file"] for row in rows] == [*names, str(cut)]
    expected = keras_hybrid.load(trained).predict(pixels).names
    assert [row["class"] for row in rows] == [*expected, None] * 2 + [None]
    assert rows[-1]["error"].startswith("The shard cannot be read from here on")
    os.utime(plain, (1, 1))
    with pytest.raises(ValueError, match=r"a\.tar has changed since"):
        predict_on_ray(
            trained, [str(tmp_path / "*.tar*")], tmp_path / "out", quiet=True
        )


@pytest.mark.parametrize("kind", ["path", "bytes", "both"])
def test_tables(kind, trained, here, tmp_path):
    """Row groups and parts do not coincide."""
    pixels = save_images(tmp_path / "images", 6)
    paths = [f"images/{i}.png" for i in range(6)]
    contents = [png(x) for x in pixels]
    cells = {"path": paths, "bytes": contents}
    cells["both"] = [{"bytes": x, "path": None} for x in contents[:5]]
    cells["both"] += [{"bytes": None, "path": paths[5]}]
    table = pa.table({"photo": [*cells[kind], None], "id": range(7)})
    file = tmp_path / "t.parquet"
    parquet.write_table(table, file, row_group_size=4)
    settings = {"shard_size": 3, "column": "photo", "quiet": True}
    found = predict_on_ray(trained, [str(file)], tmp_path / "out", **settings)
    assert (found.images, found.unreadable, found.files) == (7, 1, 3)
    rows = rows_of(tmp_path / "out")
    expected = keras_hybrid.load(trained).predict(pixels).names
    assert [row["class"] for row in rows] == [*expected, None]
    named = [f"{file}#{i}" for i in range(7)]
    in_files = [str(tmp_path / x) for x in paths]
    named[:6] = {
        "path": in_files,
        "bytes": named[:6],
        "both": [*named[:5], in_files[5]],
    }[kind]
    assert [row["file"] for row in rows] == named


def test_tables_that_hold_no_images(tmp_path):
    path = str(tmp_path / "t.parquet")
    parquet.write_table(pa.table({"id": [1], "name": ["a"]}), path)
    with pytest.raises(
        ValueError, match=r"has no column 'image'; --column .* id, name"
    ):
        divide([path], 10, "image")
    with pytest.raises(ValueError, match="holds int64, neither paths nor contents"):
        divide([path], 10, "id")
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="damaged or no Parquet table"):
        divide([path], 10, "image")


def test_sources(photos, tmp_path):
    out = photos / "found"
    out.mkdir()
    (out / "shard-000000.parquet").touch()
    (photos / "a.tar").touch()
    (photos / "notes.txt").touch()
    names = [str(photos / f"{i}.png") for i in range(5)]
    found = find_sources([str(photos), str(photos / "0.png")], [], out)
    assert found == [*names, str(photos / "a.tar")]
    with pytest.raises(ValueError, match="holds no images, tar shards or Parquet"):
        (tmp_path / "empty").mkdir()
        find_sources([str(tmp_path / "empty")], [], out)


def test_names_that_are_no_utf8():
    assert as_text(os.fsdecode(b"bad\xff.png")) == r"bad\xff.png"


def test_refused(trained, photos, here, tmp_path, capsys):
    command = ["predict", str(trained), str(photos), "--ray"]
    assert "--ray needs --out" in error_of(capsys, *command)
    out = tmp_path / "found"
    out.mkdir()
    (out / FILE).write_text("{")
    with pytest.raises(ValueError, match=r"damaged .* use --overwrite"):
        predict_on_ray(trained, [str(photos)], out)
