"""What a worker of Ray does: predictions of parts, each written as one file."""

import itertools
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from keras_hybrid.inference.bulk.batch_predictor import BatchPredictor
from keras_hybrid.inference.bulk.columns import as_text, columns_of, holds_numbers
from keras_hybrid.inference.bulk.parts import Part
from keras_hybrid.inference.bulk.plan import Plan, fingerprint, shard_name
from keras_hybrid.inference.bulk.read_parts import read_part
from keras_hybrid.inference.hub_model import fetch_model
from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.work_folder import work_folder

_FAILURES = (ValueError, TypeError, OSError, ImportError, RuntimeError, MemoryError)
"""What the user can do something about; any other exception is a fault of this file."""


class PartPredictor:
    """Predicts for parts of a plan, a batch of images at a time.

    The file of a part appears when it is complete. A part that is done twice, because a
    worker was lost, has the same file.

    Args:
        out: The folder of the plan and of the files.
        model: The model, as for `load`; of the plan.
        batch_size: Images per call of the model.
    """

    def __init__(self, out: str, model: str, batch_size: int):
        self.out, self.batch_size, self.failure = pathlib.Path(out), batch_size, ""
        try:
            self._open(model)
        except _FAILURES as error:
            self.failure = first_line(error)

    def _open(self, model: str) -> None:
        plan = Plan.read(self.out)
        if plan is None:
            raise FileNotFoundError(f"This machine does not find {self.out}.")
        if fingerprint(fetch_model(model)) != plan.model:
            raise ValueError(f"This machine finds another model at {model}.")
        self.parts = plan.parts
        self.predictor = BatchPredictor(model, **plan.settings)

    def __call__(self, batch: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Writes the files of the parts with the numbers in `part`.

        Returns:
            The numbers, and as `failure` why a file could not be written, or "": Ray
            does not say what an exception said.
        """
        failures = []
        for number in batch["part"]:
            try:
                if not self.failure:
                    self.write(int(number))
                failures.append(self.failure)
            except _FAILURES as error:
                failures.append(first_line(error))
        return {"part": batch["part"], "failure": np.array(failures, object)}

    def write(self, number: int) -> None:
        """Writes the file of a part."""
        from pyarrow import parquet

        path = self.out / shard_name(number)
        schema = _schema(self.predictor.names)
        with work_folder(self.out, f".{path.stem}-") as folder:
            part = folder / path.name
            with parquet.ParquetWriter(part, schema) as file:
                for rows in self._tables(self.parts[number], schema):
                    file.write_table(rows)
            os.replace(part, path)

    def _tables(self, part: Part, schema: Any) -> Iterator[Any]:
        import pyarrow

        names, top = self.predictor.names, self.predictor.top
        for some in _batches(read_part(part, self.predictor.column), self.batch_size):
            files, images = zip(*some, strict=True)
            found = columns_of(self.predictor.predict(images), names, top)
            columns = {"file": [as_text(x) for x in files]} | found
            yield pyarrow.table(columns, schema)


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    items = iter(items)
    while some := list(itertools.islice(items, size)):
        yield some


def _schema(names: list[str]) -> Any:
    import pyarrow

    text, number = pyarrow.string(), pyarrow.float64()
    fields = [(x, number if holds_numbers(x) else text) for x in names]
    return pyarrow.schema([("file", text), *fields, ("error", text)])
