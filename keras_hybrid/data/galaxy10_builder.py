"""Galaxy10 DECaLS for tensorflow-datasets.

```python
import keras_hybrid.data.galaxy10_builder  # registers it
tensorflow_datasets.load("galaxy10_decals")
```

This module imports tensorflow-datasets; nothing in the package imports it before
`galaxy10` is asked for.
"""

import hashlib
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from keras_hybrid.data.galaxy10_file import (
    CLASS_NAMES,
    FILE,
    read_images,
    read_labels,
    split_indices,
)


class Galaxy10Decals(tfds.core.GeneratorBasedBuilder):
    """17,736 galaxies, 256x256, ten classes, in the order of the published file.

    There is no official split: `test` is a stratified tenth (1,774 images, seed 0).
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Stratified 90/10 split, seed 0."}  # noqa: RUF012
    MANUAL_DOWNLOAD_INSTRUCTIONS = FILE.advice + " Or put it into manual_dir."

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(256, 256, 3), encoding_format="png"
                    ),
                    "label": tfds.features.ClassLabel(names=CLASS_NAMES),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://github.com/henrysky/Galaxy10",
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        path = _manual(dl_manager) or _checked(dl_manager.download(FILE.url))
        test, train = split_indices(read_labels(path))
        return {
            "train": self._generate_examples(path, train),
            "test": self._generate_examples(path, test),
        }

    def _generate_examples(
        self, path: pathlib.Path, wanted: np.ndarray
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        labels = read_labels(path)
        chosen = set(wanted.tolist())
        for indices, images in read_images(path):
            for index, image in zip(indices.tolist(), images, strict=True):
                if index in chosen:
                    yield index, {"image": image, "label": int(labels[index])}


def _manual(dl_manager: Any) -> pathlib.Path | None:
    """The file that was put into manual_dir, if it was."""
    try:
        return FILE.in_folder(pathlib.Path(dl_manager.manual_dir))
    except AssertionError:  # there is no such folder
        return None


def _checked(path: Any) -> pathlib.Path:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, FILE.algorithm).hexdigest()
    if digest != FILE.digest:
        raise ValueError(f"{path} is damaged: its SHA-256 is {digest}.")
    return pathlib.Path(path)
