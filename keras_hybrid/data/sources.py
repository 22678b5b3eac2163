"""Where data sets come from: libraries, or files already on disk."""

import pathlib
from collections.abc import Callable

import numpy as np

from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.subset import balanced_split


def load(name: str, data_dir: str | pathlib.Path | None = None) -> Dataset:
    """Loads a data set by name.

    Args:
        name: One of `SOURCES`.
        data_dir: Where the data is or may be put; None leaves it to the library.

    Raises:
        ValueError: If the name is unknown.
        FileNotFoundError: If the data is neither on disk nor to be downloaded; the
            message says what to put where.
    """
    if name not in SOURCES:
        raise ValueError(f"There is no data set {name!r}; known: {', '.join(SOURCES)}.")
    if data_dir is not None and not pathlib.Path(data_dir).is_dir():
        raise FileNotFoundError(f"--data-dir {data_dir} is not a folder. {_HELP[name]}")
    return SOURCES[name](data_dir)


def _digits(data_dir: str | pathlib.Path | None) -> Dataset:
    """scikit-learn's 1,797 handwritten digits, enlarged from 8x8 to 32x32.

    The split is ours: a class-balanced fifth is the test set.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("digits needs: pip install 'keras_hybrid[digits]'") from error
    from PIL import Image

    digits = load_digits()
    images = np.stack([_enlarge(Image, image) for image in digits.images])
    labels = digits.target.astype("int64")
    test, train = balanced_split(labels, 0.2, seed=0)
    every = Split(images, labels)
    names = tuple(str(name) for name in digits.target_names)
    return Dataset("digits", every.take(train), every.take(test), names)


def _enlarge(Image, image: np.ndarray) -> np.ndarray:
    """(8, 8) values in 0..16 -> (32, 32, 3) pixels."""
    picture = Image.fromarray((image * (255 / 16)).astype("uint8"))
    return np.asarray(picture.resize((32, 32), Image.Resampling.BICUBIC).convert("RGB"))


def _cifar100(data_dir: str | pathlib.Path | None) -> Dataset:
    """CIFAR-100 (Krizhevsky 2009) from an `.npz` or as a prepared TFDS data set."""
    archive = data_dir and pathlib.Path(data_dir) / "cifar100.npz"
    if archive and archive.is_file():
        return _from_npz("cifar100", archive)
    return _from_tfds("cifar100", data_dir)


def _from_npz(name: str, path: pathlib.Path) -> Dataset:
    with np.load(path, allow_pickle=False) as file:
        needed = ("x_train", "y_train", "x_test", "y_test", "fine_names")
        missing = [key for key in needed if key not in file.files]
        if missing:
            raise ValueError(f"{path} lacks the arrays {', '.join(missing)}.")
        arrays = {key: file[key] for key in needed}
    train, test = (
        Split(arrays[f"x_{part}"], arrays[f"y_{part}"].astype("int64"))
        for part in ("train", "test")
    )
    return Dataset(name, train, test, tuple(map(str, arrays["fine_names"])))


def _from_tfds(name: str, data_dir: str | pathlib.Path | None) -> Dataset:
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(f"{name} needs: pip install 'keras_hybrid[tfds]'") from error
    builder = tfds.builder(name, data_dir=data_dir and str(data_dir))
    try:
        builder.download_and_prepare()
    except Exception as error:  # whatever the network answers
        raise FileNotFoundError(
            f"{name} is not in {builder.data_dir} and could not be downloaded "
            f"({type(error).__name__}). {_HELP[name]}"
        ) from error
    splits = []
    for part in ("train", "test"):
        whole = tfds.as_numpy(builder.as_dataset(split=part, batch_size=-1))
        splits.append(Split(whole["image"], whole["label"].astype("int64")))
    return Dataset(name, *splits, tuple(builder.info.features["label"].names))


SOURCES: dict[str, Callable[[str | pathlib.Path | None], Dataset]] = {
    "digits": _digits,
    "cifar100": _cifar100,
}
_HELP = {
    "digits": "digits come with scikit-learn and need no folder.",
    "cifar100": (
        "Give --data-dir a folder that holds a prepared tensorflow-datasets "
        "cifar100/, or a cifar100.npz with x_train, y_train, x_test, y_test and "
        "fine_names; or run once with a network."
    ),
}
