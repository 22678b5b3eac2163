"""The table of published checkpoints: listed, and pinned from a hub."""

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys

import pytest

from keras_hybrid import models, weights
from keras_hybrid.cli import main
from keras_hybrid.weights import table
from tests.weights.hub_server import COMMIT

pytestmark = pytest.mark.backend_independent

NAME = "timm/convit_tiny.fb_in1k"


def test_every_row_is_of_a_model():
    names = [row.name for row in weights.list_published()]
    assert len(set(names)) == len(names) >= 30
    for row in weights.list_published():
        assert row.variant in models.list_models()
        assert len(row.preprocessing.mean) == len(row.preprocessing.std) == 3
        assert 0 < row.preprocessing.crop <= 1


def test_the_rows_are_those_of_timm():
    if not importlib.util.find_spec("timm"):
        pytest.skip("timm is not installed")
    rows = [row for row in weights.list_published() if row.name.startswith("timm/")]
    code = (
        "import json, sys; from timm.models import get_pretrained_cfg as get\n"
        "print(json.dumps([get(x.removeprefix('timm/')).to_dict() for x in sys.argv[1:]]))"
    )
    command = [sys.executable, "-c", code, *(row.name for row in rows)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    for row, facts in zip(rows, json.loads(printed.stdout), strict=True):
        ours = row.preprocessing
        assert facts["hf_hub_id"] == row.repository
        assert facts["input_size"] == [3, *row.image_size]
        assert (facts["mean"], facts["std"]) == ([*ours.mean], [*ours.std])
        assert (facts["crop_pct"], facts["interpolation"]) == (
            ours.crop,
            ours.interpolation,
        )
        assert (facts["num_classes"], facts["license"]) == (row.classes, row.licence)
        assert (facts["crop_mode"] == "squash") == (ours.fit == "stretch")


def test_list(capsys):
    main(["list", "convit*", "--weights"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert NAME in lines[1] and "73.1 %" in lines[1] and "not pinned" in lines[1]
    with pytest.raises(SystemExit):
        main(["list", "atc*", "--weights"])
    assert "No weights of a model 'atc*' are published" in capsys.readouterr().err


def test_pin_writes_the_row(hub, tmp_path, monkeypatch, capsys):
    copy = tmp_path / "checkpoints.csv"
    shutil.copy(table.TABLE, copy)
    monkeypatch.setattr(table, "TABLE", copy)
    before = copy.read_text().splitlines()
    hub.files[f"{NAME}/model.safetensors"] = b"weights"
    main(["weights", "pin", NAME])
    digest = hashlib.sha256(b"weights").hexdigest()
    assert f"7 bytes, SHA-256 {digest}" in capsys.readouterr().out
    row = weights.published(NAME)
    assert (row.revision, row.sha256, row.bytes) == (COMMIT, digest, 7)
    after = copy.read_text().splitlines()
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_pin_of_an_official_address(hub, tmp_path, monkeypatch, capsys):
    from keras_hybrid.weights import resolver

    seen = []

    def download(url, path, digest):
        seen.append(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"pth")
        return path

    copy = tmp_path / "checkpoints.csv"
    shutil.copy(table.TABLE, copy)
    monkeypatch.setattr(table, "TABLE", copy)
    monkeypatch.setattr(resolver, "download", download)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    main(["weights", "pin", "facebookresearch/convit_base"])
    assert seen == ["https://dl.fbaipublicfiles.com/convit/convit_base.pth"]
    assert weights.published("facebookresearch/convit_base").bytes == 3
    assert hub.log.total() == 0
