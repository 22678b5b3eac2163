"""The page of `analyse`: its sections, its numbers, and errors of the user."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from keras_hybrid.analysis import d_loc, rollout, write_report
from keras_hybrid.analysis.attention_probe import attention_maps
from keras_hybrid.analysis.choose_images import choose_images, labels_from_folders
from keras_hybrid.analysis.locality_logger import FIELDS
from keras_hybrid.cli import main
from keras_hybrid.data.read_images import read_image
from tests.analysis.conftest import build
from tests.read_csv import rows_of
from tests.small import ATTENTIVE, FAMILIES, small

pytestmark = pytest.mark.backend_independent

COMMON = [
    "Size",
    "Receptive",
]
OF_ATTENTION = [
    "Attention rollout",
    "Attention maps",
    "Attention distance",
]


def folder_of_images(root):
    rng = np.random.default_rng(0)
    for number in range(6):
        path = root / f"class{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (40 + number, 50, 3), dtype="uint8")
        Image.fromarray(pixels).save(path)
    return root


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_page_of_every_family(family, tmp_path):
    model = small(FAMILIES[family])
    shape = (3, *model.input_shape[1:])
    images = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    path = write_report(model, images, tmp_path)
    text = path.read_text()
    headings = re.findall(r"<h2[^>]*>([^<]*)</h2>", text)
    for part in COMMON:
        assert any(heading.startswith(part) for heading in headings)
    for part in OF_ATTENTION:
        assert any(h.startswith(part) for h in headings) == (family in ATTENTIVE)
    blocks = family in ATTENTIVE and family != "ResNet9"
    assert ("Rank" in headings) == blocks  # its attention is not in such blocks
    assert ("Translation equivariance" in headings) == (
        family in ("CoAtNet", "Astroformer", "ResNet9")
    )
    assert ("Gates of GPSA" in text) == (family == "ConViT")
    assert ("Layer-wise class attention" in text) == (family == "CeiT")
    for name in re.findall(r'href="([^"#]+)"', text):
        assert len(rows_of(tmp_path / name)) > 0
    if family not in ATTENTIVE:
        return
    shown = rows_of(tmp_path / "rollout.csv")
    values = rollout(attention_maps(model, images))
    np.testing.assert_allclose(
        [float(row["share"]) for row in shown], values.ravel(), rtol=1e-4
    )
    written = {row["layer"] for row in rows_of(tmp_path / "attention.csv")}
    spatial = {m.layer for m in attention_maps(model, images) if m.key_grid}
    assert written == spatial


def test_command(tmp_path, capsys):
    model = build(input_shape=(32, 32, 3), classes=2)
    run = tmp_path / "run"
    run.mkdir()
    model.save(run / "model.keras")
    (run / "card.json").write_text(json.dumps({"class_names": ["class0", "class1"]}))
    lines = [f"{e},block1_attention,{h},1.5,0.7,1,0.5" for e in (0, 1) for h in (0, 1)]
    (run / "locality.csv").write_text("\n".join([",".join(FIELDS), *lines]) + "\n")
    folder = folder_of_images(tmp_path / "images")
    main(["analyse", str(run), "--images", str(folder), "--count", "4"])
    assert "analysis.html" in capsys.readouterr().out
    text = (run / "analysis" / "analysis.html").read_text()
    assert "During training" in text and "class0/0.png" not in re.sub(
        "<img.*?>", "", text
    )
    paths = choose_images(folder, 4)
    images = np.stack([read_image(x, (32, 32, 3), {}) for x in paths])
    found = rows_of(run / "analysis" / "locality.csv")
    expected = np.concatenate(list(d_loc(model, images.astype("float32")).values()))
    np.testing.assert_allclose([float(r["d_loc"]) for r in found], expected, rtol=1e-3)
    assert "accuracy" in rows_of(run / "analysis" / "masks.csv")[0]


def test_choose_images(tmp_path):
    folder = folder_of_images(tmp_path)
    paths = choose_images(folder, 3)
    assert [path.name for path in paths] == ["0.png", "4.png", "5.png"]
    assert list(labels_from_folders(paths, ["class0", "class1"])) == [0, 0, 1]
    assert labels_from_folders(paths, ["class0"]) is None
    assert len(choose_images(folder, 99)) == 6


def test_errors_of_the_user(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        choose_images(tmp_path / "nowhere", 1)
    with pytest.raises(FileNotFoundError, match="There is no image in"):
        choose_images(tmp_path, 1)
    with pytest.raises(ValueError, match="count must be 1"):
        choose_images(tmp_path, 0)
