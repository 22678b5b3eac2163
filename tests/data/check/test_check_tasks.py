"""The check of a folder whose labels are numbers, or several classes per image."""

import pytest

from keras_hybrid.data import check_folder
from tests.data.check.generated_images import generated_image

pytestmark = pytest.mark.backend_independent


def table(root, labels):
    rows = ["file,label"]
    for i, label in enumerate(labels):
        generated_image(i).save(root / f"{i}.png")
        rows.append(f"{i}.png,{label}")
    (root / "labels.csv").write_text("\n".join(rows))
    return root


def test_several_classes(tmp_path):
    root = table(tmp_path, ["cat;dog", "cat", "dog", "cat", "dog", ";"] * 3)
    check = check_folder(root, quiet=True, task="multilabel")
    assert check.passed() and check.images == 18
    assert {x: sum(n.values()) for x, n in check.counts.items()} == {
        "cat": 9,
        "dog": 9,
    }
    (finding,) = check_folder(root, quiet=True).of("error")
    assert "give --task multilabel" in finding.message


def test_numbers(tmp_path):
    root = table(tmp_path, [i / 7 for i in range(20)])
    check = check_folder(root, quiet=True, task="regression")
    assert check.passed() and check.images == 20
    (finding,) = check_folder(root, quiet=True).of("error")
    assert "give --task regression" in finding.message
