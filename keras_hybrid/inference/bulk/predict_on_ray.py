"""Predictions of many images on the machines of a Ray cluster, as Parquet files."""

import contextlib
import dataclasses
import logging
import os
import pathlib
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

import keras

from keras_hybrid.data.progress_bar import in_chunks
from keras_hybrid.inference.bulk.part_predictor import PartPredictor
from keras_hybrid.inference.bulk.plan import FILE, Plan, fingerprint, resume, shard_name
from keras_hybrid.inference.bulk.sources import find_sources
from keras_hybrid.inference.classifier import BATCH
from keras_hybrid.inference.hub_model import fetch_model, is_on_the_hub
from keras_hybrid.utils import optional
from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.lock import lock_folder

SHARD = 1000
"""Images per file of predictions."""
_TRIES = 5
"""How often a part is tried again whose worker was lost."""


@dataclasses.dataclass(frozen=True)
class Predicted:
    """What a folder of predictions holds.

    Attributes:
        images: Number of rows.
        unreadable: How many of them have an error.
        files: Number of files.
        new: How many files this call has written.
    """

    images: int
    unreadable: int
    files: int
    new: int


def predict_on_ray(
    model: str | pathlib.Path,
    paths: Sequence[str],
    out: str | pathlib.Path,
    top: int = 5,
    threshold: float | None = None,
    column: str = "image",
    batch_size: int = BATCH,
    shard_size: int = SHARD,
    workers: int | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    listed: Iterable[str] = (),
) -> Predicted:
    """Predicts for images on a Ray cluster; the same call goes on with what is missing.

    The cluster is the one that this process is connected to, or that `RAY_ADDRESS` or
    `ray start` names; else one is started on this machine. All machines must find the
    model, the images and `out` under the same paths.

    Args:
        model: As for `load`.
        paths: Image files, folders, tar shards, Parquet tables, and patterns of them.
        out: Folder for the files `shard-000000.parquet` and so on. Their columns are
            `file` and those of the CSV file of `predict`.
        top, threshold, column: As for `BatchPredictor`; the column is that of a table.
        batch_size: Images per call of the model.
        shard_size: Images per file; a tar shard becomes one file.
        workers: Processes that predict; None means one per GPU of the cluster, or one
            per machine without any.
        overwrite: Whether predictions in `out` are removed first.
        quiet: Whether no progress is printed to stderr.
        listed: Names for the path `-`.

    Returns:
        What the folder holds.

    Raises:
        ImportError: If Ray is missing.
        FileNotFoundError: If there is no model.
        ValueError: If there are no images, or `out` belongs to another model.
        RuntimeError: If the work fails on the cluster.
    """
    require_ray()
    _check(top, batch_size, shard_size, workers)
    out = pathlib.Path(os.path.abspath(out))
    place = fetch_model(model)
    settings = {"top": top, "threshold": threshold, "column": column}
    fresh = Plan(fingerprint(place), settings)
    names = find_sources(paths, listed, out)
    with lock_folder(out, option="--out"):
        if overwrite:
            _clear(out)
        plan = resume(out, fresh).extended(names, shard_size)
        plan.write(out)
        missing = plan.missing(out)
        if missing:
            here = str(model) if is_on_the_hub(model) else os.path.abspath(place)
            given = (str(out), here, batch_size)
            with (
                _cluster() as ray,
                contextlib.closing(_write(ray, missing, workers, given)) as written,
            ):
                bars = in_chunks(len(missing), "Predicting: files", 1, quiet)
                for _, row in zip(bars, written, strict=False):
                    if row["failure"]:
                        raise RuntimeError(row["failure"])
        return _summary(out, len(plan.parts), len(missing))


def require_ray() -> None:
    """Raises ImportError if a package is missing."""
    optional.require("ray", "pyarrow", "pandas", extra="ray", what="--ray")


def _check(top: int, batch_size: int, shard_size: int, workers: int | None) -> None:
    given = {"top": top, "batch-size": batch_size, "shard-size": shard_size}
    for name, value in (given | {"workers": workers or 1}).items():
        if value < 1:
            raise ValueError(f"--{name} must be 1 or more, not {value}.")


def _clear(out: pathlib.Path) -> None:
    """Removes the predictions of a plan, and nothing else."""
    for file in [*out.glob("shard-*.parquet"), out / FILE]:
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def _cluster() -> Iterator[Any]:
    """The cluster that there is, or one on this machine for the time."""
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.WARNING)
    logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)
    started = not ray.is_initialized()
    if started:
        _start(ray)
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        yield ray
    except ray.exceptions.RayError as error:
        raise RuntimeError(
            f"Ray gave up: {_cause(error)} Files that are complete stay; the same "
            "command goes on."
        ) from error
    finally:
        if started:
            ray.shutdown()


def _start(ray: Any) -> None:
    try:
        ray.init(
            include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
        )
    except Exception as error:  # it has no class of its own
        raise RuntimeError(f"Ray cannot be started: {first_line(error)}") from error


def _cause(error: BaseException) -> str:
    """The last cause of an error of Ray, in one line."""
    while cause := getattr(error, "cause", None) or error.__cause__:
        error = cause
    return first_line(error)


def _write(
    ray: Any, missing: list[int], workers: int | None, given: tuple[str, str, int]
) -> Generator[Any, None, None]:
    """Has the parts written; yields one row for each."""
    machines = [x["Resources"] for x in ray.nodes() if x["Alive"]]
    gpus = int(sum(x.get("GPU", 0) for x in machines))
    workers = min(workers or gpus or len(machines), len(missing))
    on_each = -(-workers // len(machines))
    cores = min(x.get("CPU", 1) for x in machines) / on_each
    parts = ray.data.from_items(
        [{"part": number} for number in missing], override_num_blocks=len(missing)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of max_task_retries
        done = parts.map_batches(
            PartPredictor,
            fn_constructor_args=given,
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=workers),
            # a share of a core or GPU, where workers are more: Ray would wait for ever
            num_cpus=int(cores) if cores >= 1 else cores,
            num_gpus=min(1.0, gpus / workers),
            runtime_env={"env_vars": {"KERAS_BACKEND": keras.backend.backend()}},
            max_task_retries=_TRIES,
        )
    yield from done.iter_rows()


def _summary(out: pathlib.Path, files: int, new: int) -> Predicted:
    """Counts rows and errors by the statistics in the files."""
    from pyarrow import parquet

    images = unreadable = 0
    for number in range(files):
        facts = parquet.read_metadata(out / shard_name(number))
        images += facts.num_rows
        for i in range(facts.num_row_groups):
            group = facts.row_group(i)
            error = group.column(group.num_columns - 1).statistics
            unreadable += group.num_rows - error.null_count
    return Predicted(images, unreadable, files, new)
