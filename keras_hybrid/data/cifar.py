"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): 50,000 + 10,000 images of 32x32."""

import pathlib
import tarfile

import numpy as np

from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.download import Download
from keras_hybrid.data.image_files import Corrupt
from keras_hybrid.data.labels import class_numbers
from keras_hybrid.data.tfds import is_prepared, load_tfds
from keras_hybrid.utils.guard import open_arrays

# The binary version, which holds plain bytes (the Python version holds pickles).
ARCHIVES = {
    "cifar10": Download(
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "md5",
        "c32a1d4ab5d03f1284b67883e8d87530",
    ),
    "cifar100": Download(
        "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        "md5",
        "03b5dce01913d631647c71ecec9e9cb8",
    ),
}


def cifar_advice(name: str) -> str:
    """What to download and where to put it."""
    return (
        f"{ARCHIVES[name].advice} ({name}.npz with x_train, y_train, x_test, y_test "
        f"and fine_names, and the folder {name}/ of tensorflow-datasets work, too.)"
    )


def load_cifar(
    name: str,
    data_dir: pathlib.Path | None,
    image_size: int | None,
    corrupt: Corrupt,
) -> Dataset:
    """Loads CIFAR from disk, or downloads it.

    The first of these that exists is used: `NAME.npz` in `data_dir` (arrays `x_train`,
    `y_train`, `x_test`, `y_test`, `fine_names`); the published binary archive in
    `data_dir`; the dataset that tensorflow-datasets prepared there; the archive,
    downloaded.

    Args:
        name: `"cifar10"` or `"cifar100"`.
        data_dir: Folder of the data, or for the download.
        image_size: Unused: `load` resizes.
        corrupt: Unused: there are no image files.

    Raises:
        ValueError: If a file is damaged or another file.
        FileNotFoundError: If there is neither data nor network.
    """
    archive = ARCHIVES[name]
    arrays = data_dir and data_dir / f"{name}.npz"
    if arrays and arrays.is_file():
        return _from_npz(name, arrays)
    path = archive.in_folder(data_dir)
    if path is None and is_prepared(name, data_dir):
        return load_tfds(name, data_dir, None)
    return _from_archive(name, path or archive.fetch(data_dir))


def _from_npz(name: str, path: pathlib.Path) -> Dataset:
    with open_arrays(path) as file:
        needed = ("x_train", "y_train", "x_test", "y_test", "fine_names")
        missing = [key for key in needed if key not in file.files]
        if missing:
            raise ValueError(f"{path} lacks the arrays {', '.join(missing)}.")
        arrays = {key: file[key] for key in needed}
    names = tuple(map(str, arrays["fine_names"].reshape(-1)))
    try:
        train, test = (
            Split(arrays[f"x_{part}"], class_numbers(arrays[f"y_{part}"], len(names)))
            for part in ("train", "test")
        )
        return Dataset(name, train, test, names)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _from_archive(name: str, path: pathlib.Path) -> Dataset:
    """Records of one label byte (CIFAR-100: coarse, fine) and 3x32x32 pixel bytes."""
    names, label_bytes = {
        "cifar10": ("batches.meta.txt", 1),
        "cifar100": ("fine_label_names.txt", 2),
    }[name]
    try:
        with tarfile.open(path) as tar:
            members = {pathlib.PurePosixPath(m.name).name: m for m in tar}
            contents = {
                base: tar.extractfile(member).read()  # type: ignore[union-attr]
                for base, member in sorted(members.items())
                if member.isfile() and base.endswith((".bin", ".txt"))
            }
        train = [v for k, v in contents.items() if k.startswith(("data_b", "train"))]
        test = [v for k, v in contents.items() if k.startswith("test")]
        splits = [_records(b"".join(files), label_bytes) for files in (train, test)]
        class_names = tuple(contents[names].decode().split())
    except (tarfile.TarError, EOFError, KeyError, ValueError, OSError) as error:
        raise ValueError(
            f"{path} is damaged or not the published file "
            f"({type(error).__name__}). {ARCHIVES[name].advice}"
        ) from error
    return Dataset(name, splits[0], splits[1], class_names)


def _records(content: bytes, label_bytes: int) -> Split:
    records = np.frombuffer(content, "uint8").reshape(-1, label_bytes + 3072)
    images = records[:, label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    labels = records[:, label_bytes - 1].astype("int64")
    return Split(np.ascontiguousarray(images), labels)
