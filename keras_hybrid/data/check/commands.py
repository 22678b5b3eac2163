"""The command `keras-hybrid check`."""

import pathlib
import sys
from typing import Annotated

import tyro

from keras_hybrid.utils.typing import Fit


def check_command(
    folder: Annotated[pathlib.Path, tyro.conf.Positional],
    out: pathlib.Path | None = None,
    strict: bool = False,
    fit: Fit = "crop",
    task: str = "classification",
    manifest: pathlib.Path | None = None,
) -> None:
    """Check a folder of images before training: text, JSON and a page with pictures.

    The exit code is 1 if there is an error: what would stop or spoil training.

    Args:
        folder: Folder with one folder of images per class, optionally within train and
            test, or with a labels.csv. Its files are only read.
        out: Folder to write into; `saved_models/check-` and the folder's name by
            default.
        strict: Whether warnings count as errors.
        fit: How training will make the images square: crop, pad or stretch.
        task: What labels.csv has for each image: classification, multilabel or
            regression.
        manifest: Table of the images, e.g. a run's manifest.csv, if it is not the
            folder's labels.csv; paths are relative to the folder.
    """
    from keras_hybrid.data.check.check_folder import check_folder
    from keras_hybrid.data.check.check_page import write_page
    from keras_hybrid.data.check.check_text import check_text
    from keras_hybrid.utils.card import write_card

    out = result_folder(folder, out, "check")
    if manifest and not manifest.is_file():
        raise FileNotFoundError(f"There is no table {manifest}.")
    check = check_folder(folder, fit=fit, task=task, manifest=manifest)
    out.mkdir(parents=True, exist_ok=True)
    write_card(check.as_dict(), out / "check.json")
    write_page(check, out / "check.html")
    print(check_text(check))
    print(f"\nWritten to {out}: check.html, check.json")
    if not check.passed(strict):
        sys.exit(1)


def result_folder(
    folder: pathlib.Path, out: pathlib.Path | None, kind: str
) -> pathlib.Path:
    """Where a command writes what it says of a folder of images.

    Args:
        folder: The folder, into which nothing is written.
        out: What the user asks for.
        kind: What the default name begins with.

    Raises:
        ValueError: If `out` lies in the folder.
    """
    root = folder.resolve()
    out = out or pathlib.Path("saved_models") / f"{kind}-{root.name}"
    if out.resolve().is_relative_to(root):
        raise ValueError(f"{out} lies in {folder}; give --out a folder outside it.")
    return out
