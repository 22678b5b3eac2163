"""The data of a run, and in what other data and settings differ from them."""

import csv
import hashlib
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_hybrid import __version__
from keras_hybrid.data import Dataset
from keras_hybrid.data.manifest import FILE as MANIFEST
from keras_hybrid.data.manifest import image_rows
from keras_hybrid.train.recipe import IMAGES, RUN_DATA

Row = Mapping[str, str]
_VERSION = "keras_hybrid"
_EXAMPLES = 3


def data_facts(dataset: Dataset) -> dict[str, Any]:
    """What `recipe.json` and `search.json` say of the data of their run."""
    labels = hashlib.sha256()
    for split in (dataset.train, dataset.test):
        labels.update(np.ascontiguousarray(split.labels, "float64").tobytes())
    return {
        IMAGES: dataset.fingerprint(),
        RUN_DATA: {
            "class_names": list(dataset.class_names),
            "train": len(dataset.train),
            "test": len(dataset.test),
            "labels": labels.hexdigest()[:16],
            _VERSION: __version__,
        },
    }


def data_changes(
    found: Mapping[str, Any],
    dataset: Dataset,
    directory: pathlib.Path,
    root: str | None,
    contents: bool = True,
) -> list[str]:
    """In what a dataset differs from the data of a run; empty if in nothing.

    Args:
        found: The facts of the run. Runs of earlier versions have the fingerprint only.
        dataset: The dataset.
        directory: The folder of the run, with `manifest.csv` if its data are a folder.
        root: The folder of the dataset, if it has one.
        contents: Whether pixels are compared, which depend on settings, too.

    Raises:
        ValueError: If the facts are damaged.
    """
    now = data_facts(dataset)
    old, new = found.get(RUN_DATA, {}), now[RUN_DATA]
    _check_types(old, new, directory)
    said = []
    if _VERSION in old and _major(old[_VERSION]) != _major(__version__):
        said.append(f"keras_hybrid {old[_VERSION]} -> {__version__}")
    if old and old["class_names"] != new["class_names"]:
        said.append(class_changes(old["class_names"], new["class_names"]))
    if found.get(IMAGES) == now[IMAGES]:
        return said
    rows, files = manifest_rows(directory), []
    if rows and root and dataset.train.paths is not None:
        files = _file_changes(rows, _dataset_rows(dataset, root), old, contents)
    if old and not files:
        files = [
            f"{old[part]:,} -> {new[part]:,} {part} images"
            for part in ("train", "test")
            if old[part] != new[part]
        ]
    if old and not files and old["labels"] != new["labels"]:
        files = ["other labels"]
    if contents and not files:
        files = ["other pixels, groups or validation images"]
    return said + files


def _check_types(old: Any, new: Mapping[str, Any], directory: pathlib.Path) -> None:
    """Raises ValueError if the facts of a run, where it has some, have other types."""
    if old == {}:
        return
    right = isinstance(old, dict) and all(
        isinstance(old.get(name), type(value)) for name, value in new.items()
    )
    if not right or not all(isinstance(x, str) for x in old["class_names"]):
        raise ValueError(
            f"{directory}: {RUN_DATA} in its recipe.json or search.json is damaged: "
            "put the file back, choose another --workdir, or --overwrite the run."
        )


def check_settings(
    where: str,
    found: Mapping[str, Any],
    wanted: Mapping[str, Any],
    data: Sequence[str] = (),
    option: str = "--workdir",
) -> None:
    """Raises ValueError, which names each difference, if settings are not the same.

    Args:
        where: What has the settings that were found, e.g. "DIR holds a run".
        found: Settings by name.
        wanted: Settings by name.
        data: In what the data differ.
        option: The option that chooses another place.
    """
    changed = [
        f"{key} {found.get(key)!r} -> {wanted.get(key)!r}"
        for key in sorted(found.keys() | wanted.keys())
        if found.get(key) != wanted.get(key)
    ]
    of = [f"of other settings ({'; '.join(changed)})"] if changed else []
    of += [f"on other data (since then: {'; '.join(data)})"] if data else []
    if of:
        raise ValueError(
            f"{where} {' and '.join(of)}. Choose another {option}, or --overwrite it."
        )


def _major(version: str) -> str:
    return version.partition(".")[0]


def class_changes(old: list[str], new: list[str]) -> str:
    """In what other classes differ from those of a run, in few words."""
    if sorted(old) == sorted(new):
        return f"order of the classes {few(old)} -> {few(new)}"
    lost = [f"without class {x}" for x in old if x not in new]
    return few(lost + [f"with class {x}" for x in new if x not in old])


def manifest_rows(directory: pathlib.Path) -> dict[str, Row]:
    """The rows of the run's manifest by path; none if it is not there."""
    try:
        with open(
            directory / MANIFEST, newline="", encoding="utf-8", errors="surrogateescape"
        ) as file:
            return {row["path"]: row for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError, csv.Error):
        return {}


def _dataset_rows(dataset: Dataset, root: str) -> dict[str, Row]:
    return {str(row["path"]): row for row in image_rows(dataset, pathlib.Path(root))}


def _file_changes(
    old: Mapping[str, Row],
    new: Mapping[str, Row],
    facts: Mapping[str, Any],
    contents: bool,
) -> list[str]:
    """What happened to the files of a manifest, which may be some of a folder's."""
    trained = sum(row["split"] != "test" for row in old.values())
    added = [x for x in new if x not in old] if facts.get("train") == trained else []
    kept = [path for path in old if path in new]

    def moved(name: str, value: Callable[[Row], str]) -> list[str]:
        return [
            f"{path}: {value(old[path])} -> {value(new[path])}"
            for path in kept
            if name in old[path] and value(old[path]) != value(new[path])
        ]

    digests = [x.partition(": ")[0] for x in moved("digest", lambda x: x["digest"])]
    kinds = (
        ("added", added),
        ("missing", [path for path in old if path not in new]),
        ("with another label", moved("label", lambda x: x["label"])),
        ("in another split", moved("split", _part)),
        ("with other contents", digests if contents else []),
    )
    return [
        f"{len(names):,} file{'s' * (len(names) > 1)} {what} ({few(names)})"
        for what, names in kinds
        if names
    ]


def _part(row: Row) -> str:
    return "test" if row["split"] == "test" else "train"


def few(names: Iterable[str]) -> str:
    """The first ones of some names."""
    listed = list(names)
    return ", ".join(listed[:_EXAMPLES]) + ", ..." * (len(listed) > _EXAMPLES)
