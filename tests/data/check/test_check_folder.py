"""Every planted fault of a folder is named, and nothing else."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_hybrid import cli, program
from keras_hybrid.data import check_folder, load
from keras_hybrid.data.check.quick_check import quick_check
from keras_hybrid.train import Recipe
from tests.data.check.generated_images import generated_image

pytestmark = pytest.mark.backend_independent


def fill(root, labels=("ant", "bee"), count=12, first=0):
    """Distinct images, with names that say nothing."""
    for c, label in enumerate(labels):
        (root / label).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            seed = first + 100 * c + i
            generated_image(seed).save(root / label / f"{name(seed)}.png")
    return root


def name(seed):
    return "".join(chr(97 + (seed * 7 + k * k) % 26) for k in range(3)) + "x" * (
        seed % 9
    )


@pytest.fixture
def split(tmp_path):
    fill(tmp_path / "photos" / "train")
    fill(tmp_path / "photos" / "test", count=3, first=1000)
    return tmp_path / "photos"


def first(root):
    return sorted(root.iterdir())[0]


def kinds(root):
    return [x.kind for x in check_folder(root, quiet=True).findings]


def found(root, kind):
    findings = check_folder(root, quiet=True).findings
    assert [x.kind for x in findings].count(kind) == 1, findings
    return next(x for x in findings if x.kind == kind)


def exif(tag, value):
    data = Image.Exif()
    data[tag] = value
    return data


def test_a_folder_without_faults(split):
    check = check_folder(split, quiet=True)
    assert check.findings == () and check.passed(strict=True)
    assert check.images == 30
    assert check.counts["bee"] == {"train": 12, "test": 3}
    assert check.facts["median_size"] == [64, 64]


def test_unreadable(split):
    broken = first(split / "train" / "ant")
    broken.write_bytes(broken.read_bytes()[:500])
    finding = found(split, "unreadable")
    assert finding.severity == "error"
    assert finding.groups == ((f"train/ant/{broken.name}",),)
    assert "truncated" in finding.remarks[0] and "--corrupt skip" in finding.message


@pytest.mark.parametrize("how", ["identical", "near"])
@pytest.mark.parametrize(
    ("to", "kind", "severity"),
    [
        ("train/bee", "_two_labels", "error"),
        ("test/ant", "_train_test", "error"),
        ("train/ant", "", "warning"),
    ],
)
def test_copies(split, how, to, kind, severity):
    image = first(split / "train" / "ant")
    copy = split / to / "copy.jpg"
    if how == "near":
        Image.open(image).save(copy, quality=60)
    else:
        shutil.copy(image, copy)
    finding = found(split, how + kind)
    assert finding.severity == severity
    assert set(finding.groups[0]) == {f"train/ant/{image.name}", f"{to}/copy.jpg"}
    assert kinds(split) == [how + kind]


def test_without_a_split_the_one_of_training_counts(tmp_path):
    root = fill(tmp_path / "photos")
    for image in list((root / "ant").iterdir()):
        shutil.copy(image, image.with_name(f"copy_{image.name}"))
    finding = found(root, "identical_train_test")
    tested = {x.tobytes() for x in load("folder", root).test.images}
    torn = [
        group
        for group in found(root, "identical_train_test").groups
        if np.asarray(Image.open(root / group[0]).convert("RGB")).tobytes() in tested
    ]
    assert len(torn) == len(finding.groups) > 0


def test_blank_images_are_no_copies_of_each_other(split):
    for i, colour in enumerate(("red", "blue")):
        Image.new("RGB", (64, 64), colour).save(
            split / "train" / "ant" / f"{'ab'[i]}.png"
        )
    assert len(found(split, "blank").groups) == 2
    assert kinds(split) == ["blank"]


def test_size_shape_mode_and_orientation(split):
    folder = split / "train" / "ant"
    generated_image(50).resize((12, 12)).save(folder / "small.png")
    generated_image(51).resize((300, 64)).save(folder / "long.png")
    generated_image(52).convert("L").save(folder / "grey.png")
    generated_image(53).save(folder / "turned.jpg", exif=exif(0x0112, 6))
    check = check_folder(split, quiet=True)
    assert {x.kind: (x.groups, x.remarks) for x in check.findings} == {
        "small": ((("train/ant/small.png",),), ("12x12",)),
        "long": ((("train/ant/long.png",),), ("300x64",)),
        "mode": ((("train/ant/grey.png",),), ("L",)),
        "orientation": ((("train/ant/turned.jpg",),), ("orientation 6",)),
    }
    assert check.facts["modes"] == {"RGB": 33, "L": 1}
    assert check.facts["orientations"] == {"1": 33, "6": 1}


def test_classes(split):
    for image in list((split / "train" / "bee").iterdir())[3:]:
        image.unlink()
    shutil.rmtree(split / "test" / "bee")
    assert kinds(split) == ["few_images", "no_test_images", "imbalance"]


def test_classes_named_alike(tmp_path):
    labels = ("sea lion", "Sea_Lion", "a", "A", "ant")
    for number, label in enumerate(labels):
        fill(tmp_path, (label,), 13, 100 * number)
    message = found(tmp_path, "alike_names").message
    assert message.startswith("Sea_Lion and sea lion are 2 classes")
    assert kinds(tmp_path) == ["alike_names"]


def test_what_stops_training_is_an_error(split):
    shutil.rmtree(split / "train" / "bee")
    finding = found(split, "classes")
    assert (
        finding.severity == "error" and "no training images of bee" in finding.message
    )
    (split / "train" / "cat").mkdir()
    finding = found(split, "layout")
    assert finding.severity == "error" and "holds no image" in finding.message


def test_strays(split):
    generated_image(50).save(split / "loose.png")
    (split / "extra").mkdir()
    generated_image(51).save(split / "extra" / "unused.png")
    (split / "train" / "ant" / "notes.txt").write_text("ants")
    (split / ".hidden").write_text("")
    assert found(split, "stray_images").groups == (
        ("loose.png",),
        ("extra/unused.png",),
    )
    assert found(split, "other_files").groups == (("train/ant/notes.txt",),)
    assert found(split, "hidden_files").groups == ((".hidden",),)


def test_a_common_prefix_is_a_series(split):
    for part, seeds in (("train", (50, 51)), ("test", (52,))):
        for seed in seeds:
            generated_image(seed).save(split / part / "ant" / f"patient7_{seed}.png")
    finding = found(split, "name_series")
    assert finding.severity == "warning" and "1 on both sides" in finding.message
    assert {os.path.basename(x) for x in finding.groups[0]} == {
        f"patient7_{seed}.png" for seed in (50, 51, 52)
    }


def test_copies_that_join_all_images(tmp_path):
    for label in ("ant", "bee"):
        (tmp_path / label).mkdir()
        for i in range(10):
            Image.new("RGB", (64, 64), "navy").save(tmp_path / label / f"{i}.png")
    assert "identical_two_labels" in kinds(tmp_path)


def test_one_prefix_for_the_whole_class_is_no_series(tmp_path):
    for label in ("ant", "bee"):
        (tmp_path / label).mkdir()
        for i in range(15):
            seed = i if label == "ant" else 100 + i
            generated_image(seed).save(tmp_path / label / f"IMG_{i}.png")
    assert kinds(tmp_path) == []


def test_frames_of_a_video(split):
    shutil.rmtree(split / "train" / "ant")
    (split / "train" / "ant").mkdir()
    wide = generated_image(60, 256)
    for i in range(12):
        frame = wide.crop((6 * i, 0, 6 * i + 96, 96))
        frame.save(split / "train" / "ant" / f"{i}.png")
    assert len(found(split, "numbered_frames").groups[0]) == 12


def test_a_burst(split):
    folder = split / "train" / "ant"
    for i, second in enumerate((10, 11, 13, 16)):
        time = f"2024:05:01 12:00:{second}"
        generated_image(70 + i).save(
            folder / f"{'abcd'[i]}.jpg", exif=exif(0x0132, time)
        )
    assert found(split, "burst").groups == (
        ("train/ant/a.jpg", "train/ant/b.jpg", "train/ant/c.jpg"),
    )


def test_the_most_severe_come_first(split):
    (split / "train" / "ant" / "notes.txt").write_text("ants")
    Image.new("RGB", (64, 64)).save(split / "train" / "ant" / "blank.png")
    (split / "train" / "bee" / "broken.jpg").write_text("no image")
    assert kinds(split) == ["unreadable", "blank", "other_files"]


def run(*arguments):
    """The exit code of the command."""
    try:
        cli.main(["check", *map(str, arguments)])
    except SystemExit as end:
        return end.code
    return 0


def test_the_command_writes_text_json_and_a_page(split, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = {x: x.stat().st_mtime_ns for x in split.rglob("*")}
    assert run(split) == 0
    assert before == {x: x.stat().st_mtime_ns for x in split.rglob("*")}
    image = first(split / "train" / "ant")
    Image.open(image).save(split / "train" / "ant" / "copy.jpg", quality=60)
    assert run(split) == 0 and run(split, "--strict") == 1
    shutil.copy(image, split / "test" / "bee" / "copy.png")
    assert run(split) == 1
    text = capsys.readouterr().out
    assert "error: 1 group of identical files under two labels" in text
    assert "Not checked:" in text
    out = tmp_path / "saved_models" / "check-photos"
    saved = json.loads((out / "check.json").read_text())
    assert saved["images"] == 32 and saved["findings"][0]["severity"] == "error"
    page = (out / "check.html").read_text()
    groups = [group for finding in saved["findings"] for group in finding["groups"]]
    assert page.count("data:image/jpeg") == sum(map(len, groups)) >= 4
    assert run(split, "--out", split / "report") == 2
    assert not (split / "report").exists()


def test_quick_check(split):
    assert quick_check(split) == []
    shutil.copy(first(split / "train" / "ant"), split / "test" / "bee" / "copy.png")
    warning, command = quick_check(split)
    assert "1 image has two labels" in warning
    assert "1 image lies in two splits" in warning
    assert command.endswith(f"keras-hybrid check {split}")
    assert quick_check(split, seconds=-1) == []
    assert quick_check(split / "none") == []


def test_training_on_a_folder_starts_with_the_quick_check(split, tmp_path, capsys):
    shutil.copy(first(split / "train" / "ant"), split / "test" / "ant" / "copy.png")
    recipe = Recipe.of(dataset="folder", model="atc3", epochs=1)
    recipe = recipe.replace(data_dir=str(split), workdir=str(tmp_path / "run"))
    program._check_images(recipe)
    assert "1 image lies in two splits" in capsys.readouterr().out
    program._check_images(recipe.replace(dataset="digits"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "card.json").write_text("{}")
    program._check_images(recipe)  # a complete run is only read
    assert capsys.readouterr().out == ""


def test_a_table_of_labels(tmp_path):
    fill(tmp_path, count=15)
    rows = [
        f"{x.relative_to(tmp_path)},{x.parent.name}" for x in tmp_path.rglob("*.png")
    ]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows[1:]]))
    assert found(tmp_path, "stray_images").groups == ((rows[0].partition(",")[0],),)
    assert kinds(tmp_path) == ["stray_images"]


def test_test_images_are_not_for_training(split):
    for image in list((split / "train" / "bee").iterdir())[8:]:
        image.unlink()
    assert kinds(split) == ["few_images"]


def test_a_class_without_readable_images(tmp_path):
    fill(tmp_path, count=13)
    for image in (tmp_path / "ant").iterdir():
        image.write_text("no image")
    assert kinds(tmp_path)[:2] == ["unreadable", "classes"]


def test_sizes_are_those_of_the_upright_image(split):
    image = generated_image(50).resize((64, 32))
    image.save(split / "train" / "ant" / "turned.jpg", exif=exif(0x0112, 6))
    assert check_folder(split, quiet=True).facts["smallest"] == [32, 64]


def test_bare_numbers_are_no_series(split):
    for i in range(6):
        title = "clip" if i % 2 else ""
        generated_image(50 + i).save(split / "train" / "ant" / f"{title}{i}.png")
    assert len(found(split, "name_series").groups) == 1


def test_the_quick_check_suspects_series_by_name(split):
    for seed in range(50, 54):
        generated_image(seed).save(split / "train" / "ant" / f"clip7_{seed}.png")
    (note,) = quick_check(split)
    assert "1 series" in note and "train/ant/clip7_50.png" in note
    assert "--group-by auto" in note
    assert quick_check(split, grouped=True) == []


def test_a_manifest_says_which_images_are_checked(tmp_path, capsys):
    photos = fill(tmp_path / "photos")
    names = sorted(x.relative_to(photos).as_posix() for x in photos.rglob("*.png"))
    splits = ["test" if i % 4 == 0 else "train" for i in range(len(names))]
    rows = [f"{x},{x[:3]},{y}" for x, y in zip(names, splits, strict=True)]
    table = tmp_path / "manifest.csv"
    table.write_text("\n".join(["path,label,split", *rows[:-2]]) + "\n")
    check = check_folder(photos, quiet=True, manifest=table)
    assert check.images == len(names) - 2
    assert check.counts["ant"] == {"train": 9, "test": 3}
    out = ["--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as stopped:
        cli.main(["check", str(photos), "--manifest", str(tmp_path / "no.csv"), *out])
    assert stopped.value.code == 2
    assert "There is no table" in capsys.readouterr().err
