"""Features of images as files, and the map of them."""

import json
import re

import keras
import numpy as np
import pytest

from keras_hybrid import inference, models
from keras_hybrid.cli import main
from keras_hybrid.inference.embed import Embeddings, colours_of, embed
from keras_hybrid.inference.embedding_map import project
from tests.inference.conftest import save_images, save_run, tiny
from tests.test_cli import error_of

pytestmark = pytest.mark.backend_independent


def test_features_are_what_the_classifier_sees(trained, labelled):
    (labelled / "ant" / "bad.png").write_bytes(b"no image")
    found = embed(trained, labelled, batch_size=5, quiet=True)
    classifier = inference.load(trained)
    model = keras.models.load_model(trained / "model.keras", compile=False)
    head = models.classifier(model)
    logits = found.features @ np.array(head.kernel) + np.array(head.bias)
    expected = classifier.predict(found.paths)
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(shares, expected.probabilities, atol=1e-5)
    assert found.predictions == expected.names
    assert found.labels == [path.parent.name for path in found.paths]
    assert list(found.unreadable) == [labelled / "ant" / "bad.png"]


def test_command_writes_both_files_and_a_map(trained, labelled, tmp_path, capsys):
    parquet = pytest.importorskip("pyarrow.parquet")
    for kind in ("npz", "parquet"):
        main(["embeddings", str(trained), str(labelled), "--format", kind])
    out = trained / "embeddings"
    assert "12 images" in capsys.readouterr().out
    with np.load(out / "embeddings.npz") as file:
        arrays = dict(file)
    assert sorted(set(arrays["label"])) == ["ant", "cow"]
    table = parquet.read_table(out / "embeddings.parquet").to_pydict()
    assert table["path"] == arrays["path"].tolist()
    np.testing.assert_array_equal(np.array(table["features"]), arrays["features"])
    page = (out / "map.html").read_text()
    points = json.loads(re.search(r'id="points">(.*?)</script>', page)[1])
    assert [point[0] for point in points] == arrays["path"].tolist()
    assert page.count("<circle data-i=") == 12 and all(point[3] for point in points)
    # plain images have no labels, and take the colours of the predictions
    save_images(tmp_path / "plain", 3)
    found = embed(trained, tmp_path / "plain", quiet=True)
    assert found.labels == ["", "", ""] and colours_of(found, 5) == found.predictions


def test_images_outside_the_classes_have_no_label(trained, tmp_path):
    save_images(tmp_path / "pool", 2)
    save_images(tmp_path / "pool" / "more", 1)
    found = embed(trained, tmp_path / "pool", quiet=True)
    names = [x.relative_to(tmp_path / "pool").as_posix() for x in found.paths]
    assert dict(zip(names, found.labels, strict=True)) == {
        "more/0.png": "more",
        "0.png": "",
        "1.png": "",
    }


def test_what_has_no_features_is_refused(trained, labelled, tmp_path, capsys):
    (tmp_path / "model.tflite").write_bytes(b"")
    model = inference.load(trained)
    model.path = tmp_path / "model.tflite"
    with pytest.raises(ValueError, match=r"is exported.*model\.keras"):
        embed(model, labelled)
    missing = tmp_path / "missing"
    assert "is not a folder" in error_of(capsys, "embeddings", trained, missing)


def test_joint_model_has_the_features_of_all_its_networks(labelled, tmp_path):
    save_run(tmp_path / "joint", models.ensemble([tiny(), tiny()]))
    assert embed(tmp_path / "joint", labelled, quiet=True).features.shape == (12, 16)


def test_map_keeps_groups_together():
    rng = np.random.default_rng(0)
    centers = 20 * rng.normal(size=(3, 8))
    features = np.repeat(centers, 12, 0) + rng.normal(size=(36, 8))
    plane = project(features.astype("float32"))
    assert plane.min() == 0 and plane.max() == 1
    distances = np.linalg.norm(plane[:, None] - plane, axis=-1)
    np.fill_diagonal(distances, 2)
    assert (distances.argmin(1) // 12 == np.arange(36) // 12).all()
    assert project(features[:1]).tolist() == [[0, 0]]


def test_colours_of_many_names_and_of_numbers():
    def named(labels):
        return Embeddings([], np.zeros((0, 1)), labels, labels, {})

    assert colours_of(named(["a", "a", "b", "c"]), 2) == ["a", "a", "other", "other"]
    numbers = [str(x) for x in range(100)]
    found = colours_of(named(numbers), 20)
    assert len(set(found)) == 5 and found[0] == "0 to 19.8"
