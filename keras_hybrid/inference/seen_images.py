"""Which images a model knows from its training: exact and near copies."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_hybrid.data import ImageRecord, read_table
from keras_hybrid.data.check.duplicates import duplicate_findings
from keras_hybrid.data.check.read_image_files import read_image_files
from keras_hybrid.data.manifest import FILE as MANIFEST
from keras_hybrid.train.workdir import SETTINGS
from keras_hybrid.utils.card import read_card
from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.files import sha256
from keras_hybrid.utils.optional import is_installed


class SeenImages(NamedTuple):
    """What is known of images and the training of a model.

    Attributes:
        seen: Whether each image is a copy of a training image, `(N,)`; None if the
            training images are not known.
        note: What a reader must know; may be empty.
    """

    seen: np.ndarray | None
    note: str = ""


def find_seen_images(
    run: pathlib.Path, paths: Sequence[pathlib.Path], quiet: bool = False
) -> SeenImages:
    """Looks for copies of the images that a run trained on and held out.

    Args:
        run: The folder of the model. Training images are known if it has the run's
            `manifest.csv` and `recipe.json`, and some are where they were.
        paths: The images.
        quiet: Whether no progress is printed.
    """
    if not (run / MANIFEST).is_file() or not (run / SETTINGS).is_file():
        return SeenImages(None)
    try:
        root = pathlib.Path(read_card(run / SETTINGS)["runtime"]["data_dir"])
        listed = read_table(run / MANIFEST, root, keep_absent=True).images
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = first_line(error)
        return SeenImages(None, f"Copies of training images are not looked for: {why}")
    used = [image for image in listed if image.split != "test"]
    trained = [image for image in used if pathlib.Path(image.path).is_file()]
    if not trained:
        note = (
            f"Copies of training images are not looked for: none of the {len(used):,} "
            f"images of {run / MANIFEST} is in {root} now."
        )
        return SeenImages(None, note)
    notes = []
    if gone := len(used) - len(trained):
        notes.append(
            f"{gone:,} of the {len(used):,} images that the model was trained on or "
            f"validated with are not in {root} now: copies of these are not found."
        )
    if is_installed("imagehash"):
        return SeenImages(_copies(root, trained, paths, quiet), " ".join(notes))
    notes.append(
        "Only exact copies of training images are looked for; near ones need pip "
        "install 'keras_hybrid[check]'."
    )
    return SeenImages(_identical(trained, paths), " ".join(notes))


def _identical(
    trained: Sequence[ImageRecord], paths: Sequence[pathlib.Path]
) -> np.ndarray:
    files = [pathlib.Path(image.path) for image in trained]
    sizes = {path.stat().st_size for path in paths}
    known = {sha256(file) for file in files if file.stat().st_size in sizes}
    return np.array([sha256(path) in known for path in paths], bool)


def _copies(
    root: pathlib.Path,
    trained: Sequence[ImageRecord],
    paths: Sequence[pathlib.Path],
    quiet: bool,
) -> np.ndarray:
    """Exact and near copies, as `check_folder` finds them across a split."""
    records = [image._replace(split="train") for image in trained]
    records += [ImageRecord(str(path), "", "test") for path in paths]
    images = read_image_files(root, records, quiet)
    findings, _ = duplicate_findings([image for image in images if not image.error])
    names = {
        name
        for finding in findings
        if finding.kind.endswith("_train_test")
        for group in finding.groups
        for name in group
    }
    return np.array([image.name in names for image in images[len(trained) :]], bool)
