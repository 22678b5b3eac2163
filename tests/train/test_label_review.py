"""A review finds wrong labels, says how many there are, and writes its page."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_hybrid import cli, data
from keras_hybrid.data.patch_features import PatchFeatures
from keras_hybrid.data.ridge import Ridge
from keras_hybrid.train.review import label_noise, review_labels

pytestmark = pytest.mark.backend_independent
LABELS = ("across", "down", 'the "rest", <b>')


def pattern(kind, rng):
    """Stripes across or down, or noise."""
    wave = 60 * np.sin(np.arange(32) * rng.uniform(0.8, 1.2) + rng.uniform(0, 6))
    values = 128 + 20 * rng.normal(size=(32, 32, 3))
    values += (wave[:, None, None], wave[:, None], 0)[kind]
    return values.clip(0, 255).astype("uint8")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Thirty images of each class, of which number 0 is one of the next class."""
    root = tmp_path_factory.mktemp("review") / "photos"
    rng = np.random.default_rng(0)
    for c, label in enumerate(LABELS):
        (root / label).mkdir(parents=True)
        for i in range(30):
            pixels = pattern((c + (i == 0)) % 3, rng)
            Image.fromarray(pixels).save(root / label / f"{i}.png")
    return root


def test_wrong_labels_come_first_with_their_class(photos):
    review = review_labels(photos)
    rows = review.rows(review.suspects())
    assert {row["path"] for row in rows[:3]} == {f"{name}/0.png" for name in LABELS}
    for row in rows[:3]:
        right = LABELS[(LABELS.index(row["label"]) + 1) % 3]
        assert row["new_label"] == right and row["wrong"] > 0.5 and not row["action"]
    assert review.noise.low <= 3 / 90 <= review.noise.high
    assert review.noise.rate == pytest.approx(3 / 90, abs=0.03)


def test_smallest_images(photos):
    assert len(review_labels(photos, image_size=10).labels) == 90
    with pytest.raises(ValueError, match="--image-size must be 10 or more, not 9"):
        review_labels(photos, image_size=9)


def test_command_writes_a_page_that_needs_nothing_else(photos, tmp_path, capsys):
    out = tmp_path / "out"
    cli.main(["review", str(photos), "--out", str(out), "--most", "2"])
    assert "2 suspects" in capsys.readouterr().out
    page = (out / "review.html").read_text()
    assert "http" not in page and 'rest", <b>' not in page
    assert page.count("data:image/jpeg;base64,/9j") == 2
    facts = page.split('id="review">')[1].split("</script>")[0]
    assert json.loads(facts)["classes"] == sorted(LABELS)
    found = json.loads((out / "review.json").read_text())
    assert found["images"] == 90 and found["noise"]["rate"] < 0.1
    # suspects.csv, with an action filled in, is a file of corrections
    table = out / "suspects.csv"
    table.write_text(table.read_text().replace(",,", ",move,"))
    dataset = data.load("folder", photos, corrections=table)
    assert dataset.corrected["move"] == 2
    again = review_labels(photos, corrections=table)
    assert again.noise.rate < found["noise"]["rate"]


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.1])
def test_noise_is_told_from_hard_images(rate):
    rng = np.random.default_rng(1)
    classes, images = 5, 4000
    true = rng.integers(classes, size=images)
    logits = rng.normal(size=(images, classes)) * 2
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    true = (probabilities.cumsum(1) > rng.uniform(size=(images, 1))).argmax(1)
    labels = true.copy()
    wrong = rng.uniform(size=images) < rate
    labels[wrong] = (true + rng.integers(1, classes, images))[wrong] % classes
    assert (logits.argmax(1) == true).mean() < 0.75
    found = label_noise(logits / 3 + rng.normal(size=classes), labels)
    assert found.rate == pytest.approx(rate, abs=0.03)
    assert found.low <= found.rate <= found.high
    np.testing.assert_allclose(found.probabilities, probabilities, atol=0.15)


@pytest.mark.parametrize("width", [10, 60])
def test_scores_of_images_left_out_are_those_of_a_fit_without_them(width):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, width)).astype("float32")
    labels, groups = np.arange(30) % 3, np.repeat(np.arange(28), [3, *[1] * 27])
    ridge = Ridge(features, labels, 3)
    scores = ridge.left_out(groups)
    rows = ridge._rows.astype("float64")
    for out in (np.arange(3), np.array([7])):
        rest = np.setdiff1d(np.arange(30), out)
        gram = rows[rest].T @ rows[rest] + np.eye(width + 1)
        weights = np.linalg.solve(
            gram, rows[rest].T @ (2.0 * np.eye(3)[labels[rest]] - 1)
        )
        np.testing.assert_allclose(scores[out], rows[out] @ weights, atol=1e-3)


def test_features_tell_a_direction():
    rng = np.random.default_rng(0)
    images = np.stack([pattern(i % 2, rng) for i in range(40)])
    features = PatchFeatures(images[:30])(images)
    ridge = Ridge(features[:30], np.arange(30) % 2, 2)
    assert (ridge(features[30:]).argmax(1) == np.arange(30, 40) % 2).all()


def test_numbers_are_refused_in_one_line(tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    rows = ["file,label"]
    for i in range(12):
        Image.fromarray(np.full((8, 8, 3), i, "uint8")).save(root / f"{i}.png")
        rows.append(f"{i}.png,{i + 0.5}")
    (root / "labels.csv").write_text("\n".join(rows))
    with pytest.raises(ValueError, match="A review needs one class per image"):
        review_labels(root)
