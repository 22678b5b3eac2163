"""Every dataset through its real loading code, on small files of the true layout."""

import io
import tarfile
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from keras_hybrid.data import galaxy10, galaxy10_file, load
from keras_hybrid.data import lazy_images as images_module

pytestmark = pytest.mark.backend_independent


def noise(count, side):
    rng = np.random.default_rng([count, side])
    return rng.integers(0, 256, (count, side, side, 3), dtype="uint8")


@pytest.fixture
def offline(monkeypatch):
    """No network, and nothing that tensorflow-datasets has prepared."""

    def refuse(*args, **kwargs):
        raise ConnectionError("no network")

    monkeypatch.setattr(keras.utils, "get_file", refuse)
    monkeypatch.setenv("TFDS_DATA_DIR", "nowhere")


# CIFAR


def write_archive(path, files):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def records(images, *labels):
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return np.hstack([np.stack(labels, 1).astype("uint8"), rows]).tobytes()


def write_cifar10(folder):
    images, labels = noise(24, 32), np.random.default_rng(0).integers(0, 10, 24)
    files = {
        f"cifar-10-batches-bin/data_batch_{i + 1}.bin": records(
            images[4 * i : 4 * i + 4], labels[4 * i : 4 * i + 4]
        )
        for i in (4, 0, 1, 3, 2)  # the archive is in no order
    }
    files["cifar-10-batches-bin/test_batch.bin"] = records(images[20:], labels[20:])
    names = "\n".join(f"name{i}" for i in range(10)) + "\n\n"
    files["cifar-10-batches-bin/batches.meta.txt"] = names.encode()
    write_archive(folder / "cifar-10-binary.tar.gz", files)
    return images, labels


def test_cifar10_from_its_archive(tmp_path, offline):
    images, labels = write_cifar10(tmp_path)
    found = load("cifar10", tmp_path)
    np.testing.assert_array_equal(found.train.images, images[:20])
    np.testing.assert_array_equal(found.train.labels, labels[:20])
    np.testing.assert_array_equal(found.test.images, images[20:])
    assert found.class_names == tuple(f"name{i}" for i in range(10))


def test_cifar100_from_its_archive(tmp_path, offline):
    images, coarse, fine = noise(6, 32), np.arange(6), 90 + np.arange(6)
    files = {
        f"cifar-100-binary/{part}.bin": records(images[s], coarse[s], fine[s])
        for part, s in (("train", slice(4)), ("test", slice(4, 6)))
    }
    for kind, count in (("fine", 100), ("coarse", 20)):
        names = "\n".join(f"{kind}{i}" for i in range(count)) + "\n"
        files[f"cifar-100-binary/{kind}_label_names.txt"] = names.encode()
    write_archive(tmp_path / "cifar-100-binary.tar.gz", files)
    found = load("cifar100", tmp_path)
    np.testing.assert_array_equal(found.train.images, images[:4])
    np.testing.assert_array_equal(found.test.labels, [94, 95])
    assert found.class_names[99] == "fine99" and len(found.class_names) == 100


def test_cifar_is_downloaded(tmp_path, offline, monkeypatch):
    write_cifar10(tmp_path)
    asked = []

    def get_file(name, url, **options):
        asked.append((url, options["file_hash"], options["cache_dir"]))
        return tmp_path / name

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    assert len(load("cifar10").train) == 20
    ((url, digest, folder),) = asked
    assert url.endswith("/cifar-10-binary.tar.gz") and folder is None
    assert digest == "c32a1d4ab5d03f1284b67883e8d87530"
    load("cifar10", tmp_path)
    assert len(asked) == 1  # what is on disk is not asked for


def test_a_damaged_archive(tmp_path, offline):
    write_cifar10(tmp_path)
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(path.read_bytes()[:30_000])
    with pytest.raises(ValueError, match=r"damaged.*Download https://.*c32a1d4ab"):
        load("cifar10", tmp_path)


@pytest.mark.parametrize(
    ("name", "url", "digest"),
    [
        ("cifar10", "cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),
        ("cifar100", "cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"),
        ("tiny_imagenet", "tiny-imagenet-200.zip", "90528d7ca1a48142e341f4ef8d21d0de"),
        (
            "galaxy10",
            "zenodo.org/records/10845026/files/Galaxy10_DECals.h5",
            "19aefc47",
        ),
    ],
)
def test_without_data_and_network(tmp_path, offline, name, url, digest):
    with pytest.raises(FileNotFoundError) as caught:
        load(name, tmp_path)
    text = str(caught.value)
    assert "Download http" in text and url in text and digest in text
    assert "--data-dir" in text and "\n" not in text


def test_images_of_another_size(tmp_path, offline, monkeypatch):
    images, _ = write_cifar10(tmp_path)
    found = load("cifar10", tmp_path, image_size=48)
    assert type(found.train.images) is np.ndarray
    expected = Image.fromarray(images[7]).resize((48, 48), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(found.train.images[7], expected)
    monkeypatch.setattr(images_module, "IN_MEMORY", 10)
    lazy = load("cifar10", tmp_path, image_size=48)
    assert isinstance(lazy.train.images, images_module.Resized)
    np.testing.assert_array_equal(lazy.test.images[:], found.test.images)
    assert load("cifar10", tmp_path, image_size=32).train.images.shape[1] == 32


# Tiny ImageNet


def tiny_files():
    """Three of the 200 classes, four + two images of each; one of them grey."""
    wnids = ["n03", "n01", "n02"]
    words = "n01\tcrane, bird\nn02\tcrane, machine\nn03\tgoldfish, carp\nn99\tx\n"
    files = {"wnids.txt": "\n".join(wnids), "words.txt": words}
    annotations = []
    for c, wnid in enumerate(wnids):
        files[f"train/{wnid}/{wnid}_boxes.txt"] = "0\t0\n"
        for i in range(4):
            files[f"train/{wnid}/images/{wnid}_{i}.JPEG"] = 40 * c + i
        for i in range(2):
            annotations.append(f"val_{2 * c + i}.JPEG\t{wnid}\t0\t0\t62\t62")
            files[f"val/images/val_{2 * c + i}.JPEG"] = 40 * c + 20 + i
    files["val/val_annotations.txt"] = "\n".join(annotations)
    files["test/images/test_0.JPEG"] = 250

    def content(value):
        if isinstance(value, str):
            return value.encode()
        file = io.BytesIO()
        mode, value = ("L", value) if value == 2 else ("RGB", (value,) * 3)
        Image.new(mode, (64, 64), value).save(file, "JPEG", quality=95)
        return file.getvalue()

    return {f"tiny-imagenet-200/{name}": content(v) for name, v in files.items()}


def write_zip(folder, files):
    with zipfile.ZipFile(folder / "tiny-imagenet-200.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def unpack(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize("lazy", [False, True])
def test_tiny_imagenet(tmp_path, offline, lazy, monkeypatch):
    if lazy:
        for module in ("lazy_images", "image_files"):
            monkeypatch.setattr(f"keras_hybrid.data.{module}.IN_MEMORY", 0)
    (tmp_path / "zip").mkdir()
    write_zip(tmp_path / "zip", tiny_files())
    unpack(tmp_path, tiny_files())
    found = [
        load("tiny_imagenet", tmp_path / folder)
        for folder in ("zip", ".", "tiny-imagenet-200")
    ]
    assert len({dataset.fingerprint() for dataset in found}) == 1
    dataset = found[0]
    assert dataset.class_names == ("crane, bird", "crane, machine", "goldfish")
    assert (len(dataset.train), len(dataset.test)) == (12, 6)
    for split, first in ((dataset.train, 0), (dataset.test, 20)):
        values = split.images[:].astype(int)
        assert values.std((1, 2, 3)).max() == 0
        values = values[:, 0, 0, 0]
        # n03, the first that was written, is the last class
        np.testing.assert_array_equal(split.labels, (values // 40 + 2) % 3)
        assert set(values % 40) == set(range(first, first + len(split) // 3))


def test_tiny_imagenet_incomplete(tmp_path, offline):
    files = tiny_files()
    del files["tiny-imagenet-200/val/val_annotations.txt"]
    write_zip(tmp_path, files)
    with pytest.raises(ValueError, match=r"incomplete.*val_annotations.*Download"):
        load("tiny_imagenet", tmp_path)
    path = tmp_path / "tiny-imagenet-200.zip"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"is damaged.*90528d7ca"):
        load("tiny_imagenet", tmp_path)


# Galaxy10


def write_galaxies(folder, counts=(11, 25, 12, 13, 10, 14, 15, 16, 17, 18), **changes):
    """The published layout, sorted by class, at 256 pixels; every image one colour."""
    h5py = pytest.importorskip("h5py")
    labels = np.repeat(np.arange(10), counts).astype("uint8")
    images = np.empty((len(labels), 256, 256, 3), "uint8")
    images[:] = np.arange(len(labels))[:, None, None, None]
    columns = {"images": images, "ans": labels} | changes
    for name in ("ra", "dec", "redshift", "pxscale"):
        columns[name] = np.zeros(len(labels))
    folder.mkdir(exist_ok=True)
    with h5py.File(folder / "Galaxy10_DECals.h5", "w") as file:
        for name, column in columns.items():
            file.create_dataset(name, data=column, compression="gzip")
    return labels


def test_galaxy10_from_its_file(tmp_path, monkeypatch):
    labels = write_galaxies(tmp_path)
    monkeypatch.setattr(galaxy10_file, "CHUNK", 40)
    read = []
    original = galaxy10.read_images

    def spy(path):
        for indices, images in original(path):
            read.append(len(images))
            yield indices, images

    monkeypatch.setattr(galaxy10, "read_images", spy)
    found = load("galaxy10", tmp_path, image_size=16)
    assert read == [40, 40, 40, 31]
    assert found.train.images.shape[1:] == (16, 16, 3)
    assert found.class_names[4] == "cigar-shaped smooth"
    assert (len(found.train), len(found.test)) == (136, 15)
    for split in (found.train, found.test):
        indices = split.images[:][:, 3, 5, 1]
        np.testing.assert_array_equal(split.labels, labels[indices])
    share = np.bincount(found.test.labels) / np.bincount(labels)
    assert share.min() > 0.05 and share.max() < 0.16
    again = load("galaxy10", tmp_path, image_size=16)
    assert again.fingerprint() == found.fingerprint()


def test_galaxy10_has_the_split_it_states():
    counts = [1081, 1853, 2645, 2027, 334, 2043, 1829, 2628, 1423, 1873]
    labels = np.repeat(np.arange(10), counts)
    test, train = galaxy10_file.split_indices(labels)
    assert (len(train), len(test)) == (15_962, 1_774)
    np.testing.assert_allclose(
        np.bincount(labels[test]), np.multiply(counts, 0.1), atol=1
    )


def test_galaxy10_through_tensorflow_datasets(tmp_path):
    """The builder prepares the same images in the same order."""
    tfds = pytest.importorskip("tensorflow_datasets")
    from keras_hybrid.data import galaxy10_builder  # noqa: F401

    write_galaxies(tmp_path / "manual")
    builder = tfds.builder("galaxy10_decals", data_dir=tmp_path / "prepared")
    config = tfds.download.DownloadConfig(manual_dir=tmp_path / "manual")
    builder.download_and_prepare(download_config=config)
    named = load("tfds:galaxy10_decals", tmp_path / "prepared", image_size=16)
    prepared = load("galaxy10", tmp_path / "prepared", image_size=16)
    assert named.fingerprint() == prepared.fingerprint()
    assert prepared.name == "galaxy10"
    direct = load("galaxy10", tmp_path / "manual", image_size=16)
    assert prepared.fingerprint() == direct.fingerprint()
    assert prepared.class_names == direct.class_names


@pytest.mark.parametrize(
    "changes",
    [
        {"ans": np.zeros(151, "uint8")},
        {"ans": np.arange(7, dtype="uint8")},
        {"images": np.zeros((151, 69, 69), "uint8")},
        {"images": np.zeros((151, 4, 4, 3), "float32")},
    ],
)
def test_galaxy10_of_another_layout(tmp_path, changes):
    write_galaxies(tmp_path, **changes)
    with pytest.raises(ValueError, match=r"is not Galaxy10 DECaLS. Download .*19aefc"):
        load("galaxy10", tmp_path)


def test_galaxy10_truncated(tmp_path):
    write_galaxies(tmp_path)
    path = tmp_path / "Galaxy10_DECals.h5"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match="is truncated or no HDF5 file"):
        load("galaxy10", tmp_path)


# tensorflow-datasets


def prepare(folder, name, splits, **features):
    """Writes a tensorflow-datasets set of `splits`: lists of (image, label)."""
    tfds = pytest.importorskip("tensorflow_datasets")
    features = {
        "image": tfds.features.Image(shape=(None, None, 3)),
        "label": tfds.features.ClassLabel(names=["ant", "bee"]),
    } | features

    def info(self):
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features)
        )

    def generators(self, manager):
        return {part: self._generate_examples(rows) for part, rows in splits.items()}

    def examples(self, rows):
        for i, row in enumerate(rows):
            yield i, dict(zip(features, row, strict=True))

    methods = {
        "VERSION": tfds.core.Version("1.0.0"),
        "_info": info,
        "_split_generators": generators,
        "_generate_examples": examples,
    }
    kind = type(name.title(), (tfds.core.GeneratorBasedBuilder,), methods)
    kind(data_dir=folder).download_and_prepare()
    return kind


def rows(count, first, shape=lambda i: (10 + i, 20, 3), dtype="uint8"):
    """Images of one value each, odd ones of class 1."""
    return [
        (np.full(shape(i), first + i, dtype), (first + i) % 2) for i in range(count)
    ]


def values(split):
    return split.images[:][:, 0, 0, 0]


def test_a_set_of_varying_sizes(tmp_path):
    prepare(tmp_path, "varying", {"train": rows(9, 0), "test": rows(4, 50)})
    with pytest.raises(ValueError, match="varying has images of varying size: give"):
        load("tfds:varying", tmp_path)
    found = load("tfds:varying", tmp_path, image_size=12)
    assert found.class_names == ("ant", "bee")
    assert found.train.images.shape == (9, 12, 12, 3)
    assert sorted(values(found.train)) == list(range(9))
    for split in (found.train, found.test):
        np.testing.assert_array_equal(split.labels, values(split) % 2)


def test_a_deep_grey_set_with_unlabelled_test_images(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    grey = {"shape": lambda i: (6, 6, 1), "dtype": "uint16"}
    unlabelled = [(image, -1) for image, _ in rows(3, 0, **grey)]
    deep = [(image * 257, label) for image, label in rows(5, 7, **grey)]
    prepare(
        tmp_path,
        "deep",
        {"train": rows(4, 0, **grey), "test": unlabelled, "validation": deep},
        image=tfds.features.Image(shape=(6, 6, 1), dtype=np.uint16),
    )
    found = load("tfds:deep", tmp_path)
    assert found.test.images.shape == (5, 6, 6, 3)
    assert sorted(values(found.test)) == [7, 8, 9, 10, 11]
    np.testing.assert_array_equal(found.test.labels, values(found.test) % 2)
    assert values(found.train).max() == 0


def test_a_set_without_a_test_split(tmp_path, capsys):
    prepare(tmp_path, "whole", {"train": rows(40, 0)})
    found = load("tfds:whole", tmp_path, image_size=8)
    assert (len(found.train), len(found.test)) == (36, 4)
    np.testing.assert_array_equal(np.bincount(found.test.labels), [2, 2])
    assert sorted([*values(found.train), *values(found.test)]) == list(range(40))
    assert "a stratified tenth (seed 0)" in capsys.readouterr().out


def test_a_set_of_something_else(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    prepare(
        tmp_path,
        "boxes",
        {"train": rows(2, 0)},
        label=tfds.features.Scalar(np.int64),
    )
    with pytest.raises(
        ValueError, match=r"has no images with class labels.*image, label"
    ):
        load("tfds:boxes", tmp_path, image_size=8)


def test_an_unknown_set(tmp_path):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(
        ValueError, match="tensorflow-datasets has no dataset 'cifar1000'"
    ):
        load("tfds:cifar1000", tmp_path)
    with pytest.raises(ValueError, match="no dataset 'tfds:'"):
        load("tfds:", tmp_path)


def test_cifar_through_tensorflow_datasets(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    (tmp_path / "cifar10").mkdir()  # as if it had been prepared
    with tfds.testing.mock_data(num_examples=300):
        found = load("cifar10", tmp_path)
    assert len(found.train) == 300 and found.train.images.shape[1:] == (32, 32, 3)
    assert found.train.images.std() > 50 and len(found.class_names) == 10
