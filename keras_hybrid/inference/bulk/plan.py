"""The plan of a folder of predictions: which part of the input each file is of."""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Self

from keras_hybrid.export.export_report import hashes
from keras_hybrid.export.model_card import read_card
from keras_hybrid.inference.bulk.parts import Part, divide, stamp
from keras_hybrid.models.keras_file import keras_file
from keras_hybrid.utils.files import write_atomically

FILE = "_plan.json"
"""Its name; programs that read a folder of Parquet files pass over such a name."""
_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which parts a folder of predictions has, in the order of its files.

    Attributes:
        model: Fingerprint of the model and its card.
        settings: What the predictions depend on beside it.
        parts: The parts; number `i` becomes the file `shard_name(i)`.
    """

    model: str
    settings: Mapping[str, Any]
    parts: Sequence[Part] = ()

    def missing(self, out: pathlib.Path) -> list[int]:
        """Numbers of the parts that have no file yet."""
        there = set(os.listdir(out))
        numbers = range(len(self.parts))
        return [i for i in numbers if shard_name(i) not in there]

    def write(self, out: pathlib.Path) -> None:
        """Writes it into the folder."""
        text = json.dumps({"version": _VERSION} | dataclasses.asdict(self))
        write_atomically(out / FILE, lambda part: part.write_text(text))

    @classmethod
    def read(cls, out: pathlib.Path) -> Self | None:
        """The plan of a folder; None if it has none.

        Raises:
            ValueError: If it is damaged.
        """
        if not (out / FILE).exists():
            return None
        try:
            facts = json.loads((out / FILE).read_text())
            if facts["version"] != _VERSION:
                raise ValueError(f"version {facts['version']}")
            parts = [Part.of(x) for x in facts["parts"]]
            return cls(facts["model"], facts["settings"], parts)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{out / FILE} is damaged ({error}): use --overwrite, or another --out."
            ) from error

    def extended(self, names: Sequence[str], size: int) -> "Plan":
        """The plan with parts for those files that it does not have yet.

        Args:
            names: All files of the input.
            size: Most images of a part of files or rows.

        Raises:
            ValueError: If a shard or a table has changed since it was planned.
        """
        known = {name: part for part in self.parts for name in part.names}
        for name in names:
            old = known[name].stamp if name in known else None
            if old is not None and old != stamp(name):
                raise ValueError(
                    f"{name} has changed since the predictions began: use --overwrite, "
                    "or another --out."
                )
        new = [name for name in names if name not in known]
        parts = [*self.parts, *divide(new, size, self.settings["column"])]
        return dataclasses.replace(self, parts=parts)


def shard_name(number: int) -> str:
    """The file of a part."""
    return f"shard-{number:06}.parquet"


def resume(out: pathlib.Path, fresh: Plan) -> Plan:
    """The plan of the folder, or the fresh one of a folder without predictions.

    Raises:
        ValueError: If the folder has predictions of another model or other settings.
    """
    found = Plan.read(out)
    if found is None or len(found.missing(out)) == len(found.parts):
        return fresh
    if found.model != fresh.model:
        raise ValueError(
            f"{out} has predictions of another model, or of another card: use "
            "--overwrite, or another --out."
        )
    for name, value in fresh.settings.items():
        if found.settings.get(name) != value:
            raise ValueError(
                f"{out} has predictions with --{name} {found.settings.get(name)}, not "
                f"{value}: use --overwrite, or another --out."
            )
    return found


def fingerprint(model: pathlib.Path) -> str:
    """SHA-256 of a model and its card.

    Raises:
        FileNotFoundError: If there is no model.
        ValueError: If the card is damaged, or another model's.
    """
    path = keras_file(model)
    if not path.exists():
        raise FileNotFoundError(f"There is no model at {path}.")
    facts = [read_card(path), hashes(path)]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
