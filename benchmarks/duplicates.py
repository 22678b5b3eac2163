"""Planted copies of images: how many `check_folder` finds, and how many it invents."""

import pathlib
import shutil
import tempfile
import time

import numpy as np
from PIL import Image

from benchmarks.machine import fingerprint
from keras_hybrid.data import check_folder
from keras_hybrid.utils.csv_rows import append_csv
from keras_hybrid.utils.files import IMAGE_SUFFIXES

KINDS = ("recompressed", "resized", "cropped")
"""JPEG of quality 40 to 90; 0.5 to 1.5 times the size; up to 3 % less on each side."""


def main(
    data_dir: pathlib.Path,
    copies: int = 200,
    seed: int = 7,
    out: pathlib.Path = pathlib.Path("benchmarks/duplicates.csv"),
) -> None:
    """Plant copies in a copy of a folder of images, and look for them.

    Args:
        data_dir: A folder with one folder of images per class.
        copies: Copies of each kind.
        seed: Seed of the images that are copied, and of how.
        out: The CSV file.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder) / "images"
        shutil.copytree(data_dir, place)
        every = sorted(place.rglob("*"))
        files = [x for x in every if x.suffix.lower() in IMAGE_SUFFIXES]
        planted = plant(files, copies, np.random.default_rng(seed))
        began = time.perf_counter()
        check = check_folder(place, quiet=True)
        seconds = time.perf_counter() - began
        joined = {
            place / name: frozenset(place / x for x in group)
            for finding in check.findings
            if finding.kind.startswith(("near", "identical"))
            for group in finding.groups
            for name in group
        }
    found = {
        kind: sum(original in joined.get(copy, ()) for copy, original in pairs.items())
        for kind, pairs in planted.items()
    }
    made = {copy for pairs in planted.values() for copy in pairs}
    others = {group - made for group in joined.values()}
    row = {
        "data": data_dir.name,
        "images": len(files),
        "copies_of_each_kind": copies,
        **found,
        "pairs_of_originals": sum(len(group) - 1 for group in others if group),
        "images_per_second": round((len(files) + len(made)) / seconds),
    }
    append_csv([row | fingerprint()], out)
    print(", ".join(f"{key} {value}" for key, value in row.items()))


def plant(
    files: list[pathlib.Path], copies: int, rng: np.random.Generator
) -> dict[str, dict[pathlib.Path, pathlib.Path]]:
    """Writes copies beside the files; returns copy -> original by kind."""
    planted: dict[str, dict[pathlib.Path, pathlib.Path]] = {kind: {} for kind in KINDS}
    for kind, pairs in planted.items():
        for index in rng.choice(len(files), copies, replace=False):
            original = files[index]
            with Image.open(original) as file:
                image = file.convert("RGB")
            copy = original.with_name(f"{original.stem}-{kind}.jpg")
            quality = int(rng.integers(40, 91)) if kind == "recompressed" else 95
            changed(image, kind, rng).save(copy, quality=quality)
            pairs[copy] = original
    return planted


def changed(image: Image.Image, kind: str, rng: np.random.Generator) -> Image.Image:
    """The image, resized or cropped if it is of that kind."""
    width, height = image.size
    if kind == "resized":
        scale = rng.uniform(0.5, 1.5)
        size = round(width * scale), round(height * scale)
        return image.resize(size, Image.Resampling.BICUBIC)
    if kind == "cropped":
        sides = (width, height, width, height)
        left, top, right, bottom = np.round(rng.uniform(0, 0.03, 4) * sides).astype(int)
        return image.crop((left, top, width - right, height - bottom))
    return image
