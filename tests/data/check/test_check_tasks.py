"""The check of a folder whose labels are numbers, or several classes per image."""

import pytest

from keras_hybrid.data import check_folder, load
from tests.data.check.generated_images import generated_image

pytestmark = pytest.mark.backend_independent


def name_series_of(root, task):
    """The groups that `check` suspects by their names."""
    found = check_folder(root, quiet=True, task=task).findings
    return [len(x) for f in found if f.kind == "name_series" for x in f.groups]


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


def test_frames_of_a_video_have_numbers_of_their_own(tmp_path):
    rows = ["file,label"]
    for i in range(24):
        name = f"video{'abc'[i // 8]}_{i % 8}.png"
        generated_image(i).save(tmp_path / name)
        rows.append(f"{name},{i / 7}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    assert name_series_of(tmp_path, "regression") == [8, 8, 8]
    dataset = load("folder", tmp_path, 32, task="regression", group_by="auto")
    groups = [set(x.groups) for x in (dataset.train, dataset.test)]
    assert not groups[0] & groups[1] and len(groups[0] | groups[1]) == 3
