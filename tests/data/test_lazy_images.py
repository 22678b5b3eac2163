"""Images that are read on demand behave like the array of them."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from keras_hybrid.data import Dataset, Split
from keras_hybrid.data import lazy_images as module
from keras_hybrid.data.lazy_images import (
    ImageFiles,
    Resized,
    Subset,
    allocate_images,
    load_into_memory,
)

pytestmark = pytest.mark.backend_independent

ARRAY = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), dtype="uint8")
LABELS = np.arange(30) % 4


def memory_map(tmp_path):
    path = tmp_path / "images.npy"
    np.save(path, ARRAY)
    return np.load(path, mmap_mode="r")


def files(opened=None):
    def opener(name):
        if opened is not None:
            opened.append(name)
        file = io.BytesIO()
        Image.fromarray(ARRAY[int(name)]).save(file, "PNG")
        file.seek(0)
        return file

    return ImageFiles([str(i) for i in range(30)], (8, 8), opener)


def fingerprint(images):
    split = Split(images, LABELS)
    return Dataset("x", split, split.select(np.arange(3)), tuple("abcd")).fingerprint()


@pytest.mark.parametrize("kind", ["array", "memory map", "files", "view", "resized"])
def test_all_index_alike(kind, tmp_path):
    back = np.random.default_rng(1).permutation(30)
    images = {
        "array": lambda: ARRAY,
        "memory map": lambda: memory_map(tmp_path),
        "files": files,
        "view": lambda: Subset(Subset(ARRAY, np.arange(30)[::-1]), np.arange(30)[::-1]),
        "resized": lambda: Resized(Subset(ARRAY[back], np.argsort(back)), 8),
    }[kind]()
    assert images.shape == ARRAY.shape and images.dtype == "uint8" and len(images) == 30
    for indices in (np.array([3, 3, 29, 0]), np.array([], "int64"), slice(4, 9), -1):
        found = images[indices]
        np.testing.assert_array_equal(found, ARRAY[indices])
        assert isinstance(found, np.ndarray) and found.dtype == np.uint8
    np.testing.assert_array_equal(np.asarray(images), ARRAY)
    with pytest.raises(IndexError):
        images[np.array([30])]
    part = Split(images, LABELS).select(np.array([7, 2]))
    np.testing.assert_array_equal(part.take(np.array([1])).images, ARRAY[[2]])
    np.testing.assert_array_equal(part.labels, [3, 2])


def test_resized_follows_pillow():
    found = Resized(ARRAY, 20)[np.array([4, 11])]
    for image, expected in zip(found, ARRAY[[4, 11]], strict=True):
        expected = Image.fromarray(expected).resize((20, 20), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(image, expected)


def test_fingerprint_of_arrays_is_that_of_all_their_bytes(tmp_path):
    digest = hashlib.sha256()
    for count in (30, 3):
        digest.update(ARRAY[:count].tobytes())
        digest.update(LABELS[:count].astype("int64").tobytes())
    expected = digest.hexdigest()[:16]
    assert fingerprint(ARRAY) == fingerprint(memory_map(tmp_path)) == expected
    assert fingerprint(Subset(ARRAY[::-1], np.arange(30)[::-1])) == expected


def test_fingerprint_of_files_is_of_their_contents():
    opened = []
    first = fingerprint(files(opened))
    assert len(opened) == 33
    assert fingerprint(files()) == first
    other = files()
    other.names[3] = "4"
    smaller = files()
    smaller.shape = (30, 6, 6, 3)
    assert len({first, fingerprint(other), fingerprint(smaller)}) == 3
    assert fingerprint(Subset(files(), np.arange(30))) == first
    small, large = fingerprint(Resized(ARRAY, 10)), fingerprint(Resized(ARRAY, 11))
    assert len({small, large, fingerprint(ARRAY)}) == 3


def test_held_reads_once_what_fits(monkeypatch):
    opened = []
    images = load_into_memory(files(opened))
    np.testing.assert_array_equal(images, ARRAY)
    assert type(images) is np.ndarray and len(opened) == 30
    view = Subset(ARRAY, np.arange(5))
    assert load_into_memory(view) is view and load_into_memory(ARRAY) is ARRAY
    monkeypatch.setattr(module, "IN_MEMORY", ARRAY.nbytes - 1)
    large = files(opened)
    assert load_into_memory(large) is large
    few = Subset(large, np.array([3, 8]))
    np.testing.assert_array_equal(load_into_memory(few), ARRAY[[3, 8]])
    assert opened[30:] == ["3", "8"]


def test_room_is_on_disk_beyond_memory(monkeypatch, tmp_path):
    assert not isinstance(allocate_images(ARRAY.shape, tmp_path), np.memmap)
    monkeypatch.setattr(module, "IN_MEMORY", ARRAY.nbytes - 1)
    array = allocate_images(ARRAY.shape, tmp_path)
    assert isinstance(array, np.memmap) and not list(tmp_path.iterdir())
    array[:] = ARRAY
    np.testing.assert_array_equal(array[np.array([5, 2])], ARRAY[[5, 2]])
    with pytest.raises(OSError, match="more than is free"):
        allocate_images((10**9, 10**4, 10**4, 3), tmp_path)


def test_a_damaged_file_is_named():
    images = ImageFiles(["good", "bad"], (8, 8), lambda name: io.BytesIO(b"no image"))
    with pytest.raises(ValueError, match=r"bad cannot be decoded.*--corrupt skip"):
        images[np.array([1])]
