"""Subsets and the stream of batches."""

import numpy as np
import pytest

from keras_hybrid.data import (
    Augmentation,
    Batches,
    Dataset,
    LazyImages,
    Split,
    balanced_split,
    load,
    per_class_split,
    stratified_split,
)

pytestmark = pytest.mark.backend_independent


def numbered(count=50, side=6):
    """LazyImages whose every pixel is the image's number."""
    images = np.arange(count, dtype="uint8")[:, None, None, None]
    images = np.broadcast_to(images, (count, side, side, 3))
    return Split(images, np.arange(count) % 5)


def batches(**arguments):
    defaults = {"batch_size": 8, "classes": 5, "seed": 3}
    return Batches(numbered(), **defaults | arguments)


def test_balanced_split_takes_its_share_of_every_class():
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    first, second = balanced_split(labels, 0.2, seed=1)
    np.testing.assert_array_equal(np.bincount(labels[first]), [20, 10, 2])
    np.testing.assert_array_equal(np.sort([*first, *second]), np.arange(160))
    assert (first != balanced_split(labels, 0.2, seed=2)[0]).any()
    np.testing.assert_array_equal(first, balanced_split(labels, 0.2, seed=1)[0])
    assert len(balanced_split(labels, 0, seed=1)[0]) == 0


def test_per_class_split_takes_so_many_of_every_class():
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    first, second = per_class_split(labels, 7, seed=1)
    np.testing.assert_array_equal(np.bincount(labels[first]), [7, 7, 7])
    np.testing.assert_array_equal(np.sort([*first, *second]), np.arange(160))
    assert (first != per_class_split(labels, 7, seed=2)[0]).any()
    assert set(first) < set(per_class_split(labels, 8, seed=1)[0])
    for count in (0, 11):
        with pytest.raises(ValueError, match="class 2 has 10 training images"):
            per_class_split(labels, count, seed=1)


def test_larger_fractions_hold_the_smaller():
    labels = np.arange(200) % 3
    parts = [set(balanced_split(labels, f, seed=4)[0]) for f in (0.05, 0.3, 1)]
    assert parts[0] < parts[1] < parts[2]


def test_stratified_split_rounds_by_largest_remainder():
    labels = np.repeat([0, 1, 2, 3], [14, 14, 17, 3])
    test, train = stratified_split(labels, 0.1, seed=0)
    # 1.4, 1.4, 1.7, 0.3 of 4.8: the third is rounded up, then the first
    np.testing.assert_array_equal(np.bincount(labels[test]), [2, 1, 2, 1])
    np.testing.assert_array_equal(np.sort([*test, *train]), np.arange(48))
    labels = np.repeat([0, 1], [2, 100])
    np.testing.assert_array_equal(
        np.bincount(labels[stratified_split(labels, 0.9, seed=0)[0]]), [1, 90]
    )


def numbers(inputs):
    """Which images of `numbered` a batch holds."""
    return inputs["images"][:, 0, 0, 0]


def test_an_epoch_sees_every_image_once():
    stream = batches(batch_size=10)
    for epoch in range(2):
        seen = [numbers(stream[5 * epoch + step][0]) for step in range(5)]
        np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.arange(50))


def test_repeats_share_a_batch_and_no_pair():
    stream = batches(batch_size=12, repeats=3, augmentation=Augmentation(mixup=1))
    assert stream.steps_per_epoch == 4
    for step in range(4):
        seen = numbers(stream[step][0])
        assert set(np.unique(seen, return_counts=True)[1]) == {3}
        assert (seen[::2] != seen[1::2]).all()
    others = [numbers(stream[step][0]) for step in range(1, 4)]
    assert not set(numbers(stream[0][0])) & set(np.concatenate(others))


def test_a_batch_depends_on_seed_and_step_alone():
    every = Augmentation(
        padding=2,
        horizontal_flip=True,
        rand_augment=9,
        color_jitter=0.4,
        random_erasing=0.5,
        mixup=0.8,
        cutmix=1,
    )
    forward, resumed = (
        batches(augmentation=every),
        batches(augmentation=every, start_epoch=2),
    )
    steps = forward.steps_per_epoch
    for step in (3, 1, steps, 0):
        (a, a_labels), (b, b_labels) = forward[2 * steps + step], resumed[step]
        assert a.keys() == b.keys() and len(a) == 8
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
        np.testing.assert_array_equal(a_labels, b_labels)
    other = batches(augmentation=every, seed=4)
    for name in ("images", "affine", "color", "jitter", "erase", "noise", "lam"):
        assert (forward[0][0][name] != forward[steps][0][name]).any(), name
        assert (forward[0][0][name] != other[0][0][name]).any(), name


def test_labels_follow_their_images():
    inputs, labels = batches()[0]
    np.testing.assert_array_equal(labels.argmax(-1), numbers(inputs) % 5)
    np.testing.assert_array_equal(labels.sum(-1), 1)


def test_indices_name_the_same_images():
    inputs, labels = batches(resident=True)[7]
    images, same = batches()[7]
    assert inputs.keys() == {"indices"}
    np.testing.assert_array_equal(inputs["indices"], numbers(images))
    np.testing.assert_array_equal(labels, same)


def test_an_odd_batch_cannot_be_mixed():
    with pytest.raises(ValueError, match="--batch-size 7 is odd; give 6"):
        batches(batch_size=7, augmentation=Augmentation(cutmix=1))


def test_too_few_images_for_a_batch():
    with pytest.raises(ValueError, match="lower --batch-size"):
        batches(batch_size=51)


def test_digits_are_whole_and_split_by_class():
    digits = load("digits")
    assert (len(digits.train), len(digits.test)) == (1438, 359)
    assert digits.train.images.shape[1:] == (32, 32, 3)
    assert digits.train.images.max() == 255
    share = np.bincount(digits.test.labels) / np.bincount(digits.train.labels)
    np.testing.assert_allclose(share, 0.25, atol=0.01)
    assert digits.fingerprint() == load("digits").fingerprint()


def test_cifar100_from_an_archive(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        f"x_{part}": rng.integers(0, 255, (n, 32, 32, 3)).astype("uint8")
        for part, n in (("train", 20), ("test", 10))
    }
    labels = {"y_train": np.arange(20), "y_test": np.arange(10)}
    names = np.array([f"name {i}" for i in range(100)])
    np.savez(tmp_path / "cifar100.npz", **arrays, **labels, fine_names=names)
    found = load("cifar100", tmp_path)
    assert found.class_names[7] == "name 7" and len(found.train) == 20
    np.savez(tmp_path / "cifar100.npz", **arrays)
    with pytest.raises(ValueError, match="lacks the arrays y_train"):
        load("cifar100", tmp_path)


def test_unknown_and_missing_data(tmp_path):
    with pytest.raises(
        ValueError, match="no dataset 'cifar1000'; known: digits, cifar10"
    ):
        load("cifar1000")
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        load("cifar100", tmp_path / "nowhere")


def test_classes_are_selected_and_numbered_from_0():
    labels = np.array([0, 3, 1, 2, 3, 1])
    pixels = np.arange(6, dtype="uint8")[:, None, None, None] * np.ones((1, 2, 2, 3))
    split = Split(pixels.astype("uint8"), labels)
    dataset = Dataset("x", split, split.select(np.arange(3)), tuple("abcd"))
    some = dataset.select_classes(1, 3)
    assert some.class_names == ("b", "c")
    np.testing.assert_array_equal(some.train.labels, [0, 1, 0])
    np.testing.assert_array_equal(some.train.images[:][:, 0, 0, 0], [2, 3, 5])
    np.testing.assert_array_equal(some.test.labels, [0])
    assert some.fingerprint() != dataset.fingerprint()
    with pytest.raises(ValueError, match="x has 4 classes, not 5"):
        dataset.select_classes(1, 5)


PIXELS = np.zeros((4, 6, 6, 3), "uint8")


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (PIXELS / 255, np.arange(4), r"\[0, 255\], not float64 \(4, 6, 6"),
        (PIXELS[..., 0], np.arange(4), r"\(N, H, W, 3\) .*not uint8 \(4, 6, 6\)"),
        (PIXELS[..., :1], np.arange(4), r"not uint8 \(4, 6, 6, 1\)"),
        (list(PIXELS), np.arange(4), "not a list"),
        (PIXELS, np.eye(4, dtype=bool), r"Labels .* integer.*, not bool \(4, 4\)"),
        (PIXELS, np.arange(4.0), r"not float64 \(4,\)"),
        (PIXELS, [0, 1, 0, 1], "Labels .*, not a list"),
        (PIXELS, np.arange(3), "There are 4 images and 3 labels"),
    ],
)
def test_what_is_no_split(images, labels, message):
    with pytest.raises(ValueError, match=message) as caught:
        Split(images, labels)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [-1, 2])
@pytest.mark.parametrize("part", ["train", "test"])
def test_labels_have_class_names(part, wrong):
    right = Split(PIXELS, np.array([0, 1, 0, 1], "uint8"))
    other = Split(PIXELS, np.array([0, 1, 0, wrong]))
    splits = {"train": right, "test": right} | {part: other}
    message = rf"x has 2 class names.* \[0, 1\]; the {part} split has a label {wrong}"
    with pytest.raises(ValueError, match=message):
        Dataset("x", class_names=("a", "b"), **splits)


def test_a_dataset_reads_no_image():
    class Unread(LazyImages):
        def read(self, indices):
            raise AssertionError

    split = Split(Unread((4, 6, 6, 3)), np.arange(4))
    Dataset("x", split, split.select(np.array([2, 3])), tuple("abcd"))
