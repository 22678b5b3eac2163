"""The benchmark of copies plants what it counts."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.duplicates import KINDS, main, plant
from tests.data.check.generated_images import generated_image
from tests.read_csv import rows_of

pytest.importorskip("imagehash")
pytestmark = pytest.mark.backend_independent


@pytest.fixture
def photos(tmp_path):
    for i in range(20):
        folder = tmp_path / "photos" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(generated_image(i))).save(folder / f"{i}.png")
    return tmp_path / "photos"


def test_copies_are_counted_by_kind(photos, tmp_path):
    main(photos, copies=5, out=tmp_path / "rows.csv")
    (row,) = rows_of(tmp_path / "rows.csv")
    assert row["images"] == "20" and row["copies_of_each_kind"] == "5"
    assert all(4 <= int(row[kind]) <= 5 for kind in KINDS)
    assert row["pairs_of_originals"] == "0"
    assert len(list(photos.rglob("*.*"))) == 20  # copies went into a copy of the folder


def test_a_pair_of_originals_is_counted(photos, tmp_path):
    content = (photos / "a" / "0.png").read_bytes()
    (photos / "a" / "twin.png").write_bytes(content)
    main(photos, copies=1, out=tmp_path / "rows.csv")
    assert rows_of(tmp_path / "rows.csv")[0]["pairs_of_originals"] == "1"


def test_what_is_planted(photos):
    files = sorted(photos.rglob("*.png"))
    planted = plant(files, 6, np.random.default_rng(0))
    for kind, pairs in planted.items():
        assert len(pairs) == 6
        for copy, original in pairs.items():
            assert copy.name == f"{original.stem}-{kind}.jpg"
            same = Image.open(copy).size == Image.open(original).size
            assert same or kind != "recompressed"
