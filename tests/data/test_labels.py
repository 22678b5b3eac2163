"""Labels in arrays: whatever they are, one line says what is wrong."""

import re

import numpy as np
import pytest

from keras_hybrid.data import Batches, Evaluation, Split
from keras_hybrid.data.cifar import load_cifar
from keras_hybrid.data.labels import class_numbers

pytestmark = pytest.mark.backend_independent
PIXELS = np.zeros((4, 8, 8, 3), "uint8")
LABELS = np.arange(4) % 3
NAMES = np.array(["a", "b", "c"])
BAD_LABELS = {
    "negative": (np.array([0, 1, 2, -1]), "whole numbers in [0, 2]; one is -1"),
    "beyond": (np.array([0, 1, 2, 3]), "whole numbers in [0, 2]; one is 3"),
    "halves": (np.array([0, 1, 2, 0.5]), "one is 0.5"),
    "no number": (np.array([0, 1, 2, np.nan]), "one is nan"),
    "huge": (np.array([0, 1, 2, 2**63], "uint64"), "one is 9223372036854775808"),
    "one-hot": (np.eye(4, 3), "one-hot or probabilities"),
    "text": (np.array(list("abca")), "integer class numbers, not <U1 (4,)"),
    "three axes": (np.zeros((4, 1, 1), int), "integer class numbers, not int64"),
    "too few": (np.zeros(3, int), "4 images and 3 labels"),
    "one": (np.array(1), "integer class numbers, not int64 ()"),
    "objects": (np.array([0, 1, None, 2], object), "Python objects"),
}
BAD_IMAGES = {
    "floats": (np.zeros((4, 8, 8, 3)), "not float64 (4, 8, 8, 3)"),
    "grey": (np.zeros((4, 8, 8), "uint8"), "not uint8 (4, 8, 8)"),
    "flat": (np.zeros((4, 192), "uint8"), "not uint8 (4, 192)"),
    "channels first": (np.zeros((4, 3, 8, 8), "uint8"), "not uint8 (4, 3, 8, 8)"),
}


def write(folder, images=PIXELS, labels=LABELS):
    arrays = {"x_train": images, "y_train": labels, "x_test": PIXELS}
    y_test = LABELS[:, None]
    np.savez(folder / "cifar10.npz", fine_names=NAMES, y_test=y_test, **arrays)


def assert_refused(folder, message):
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        load_cifar("cifar10", folder, None, "raise")
    assert "cifar10.npz" in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("name", BAD_LABELS)
def test_labels_of_a_file(name, tmp_path):
    labels, message = BAD_LABELS[name]
    write(tmp_path, labels=labels)
    assert_refused(tmp_path, message)


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_images_of_a_file(name, tmp_path):
    images, message = BAD_IMAGES[name]
    write(tmp_path, images=images)
    assert_refused(tmp_path, message)


@pytest.mark.parametrize("labels", [[0, 2, 1], [[0], [2], [1]], [0.0, 2.0, 1.0]])
def test_class_numbers_however_they_are_stored(labels):
    found = class_numbers(np.array(labels), 3)
    assert found.dtype == "int64" and found.tolist() == [0, 2, 1]


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [0, 1, 2, -1]])
def test_batches_in_python(labels):
    split = Split(PIXELS, np.array(labels))
    with pytest.raises(ValueError, match=r"whole numbers in \[0, 2\]"):
        Batches(split, 2, 3, 0)
    with pytest.raises(ValueError, match=r"whole numbers in \[0, 2\]"):
        Evaluation(split, 3, 2)


def test_no_images():
    with pytest.raises(ValueError, match="no images to evaluate"):
        Evaluation(Split(PIXELS[:0], np.zeros(0, int)), 3, 2)
