"""Images per second of `predict --ray` with one and two workers, and without Ray."""

import pathlib
import tempfile
import time

import numpy as np

from benchmarks.machine import fingerprint
from keras_hybrid.inference import predict_on_ray
from keras_hybrid.inference.bulk.part_predictor import PartPredictor
from keras_hybrid.inference.bulk.plan import Plan
from keras_hybrid.inference.bulk.plan import fingerprint as of_model
from keras_hybrid.inference.bulk.predict_on_ray import require_ray
from keras_hybrid.inference.bulk.sources import find_sources
from keras_hybrid.utils.csv_rows import append_csv

SHARD = 64


def main(
    model: pathlib.Path,
    data_dir: pathlib.Path,
    workers: tuple[int, ...] = (0, 1, 2),
    note: str = "",
    out: pathlib.Path = pathlib.Path("benchmarks/ray.csv"),
) -> None:
    """Predict for a folder of images with several numbers of workers.

    Args:
        model: A run or a model file.
        data_dir: The folder.
        workers: Numbers of workers; 0 means this process, without Ray.
        note: What the reader of the row should know of the machine.
        out: The CSV file.
    """
    require_ray()
    for count in workers:
        with tempfile.TemporaryDirectory() as folder:
            place, began = pathlib.Path(folder), time.perf_counter()
            if count:
                predict_on_ray(
                    model,
                    [str(data_dir)],
                    place,
                    shard_size=SHARD,
                    workers=count,
                    quiet=True,
                )
            else:
                _alone(model, data_dir, place)
            seconds = time.perf_counter() - began
            rate, images = steady_rate(place)
        row = {
            "model": model.name,
            "data": data_dir.name,
            "images": images,
            "workers": count,
            "images_per_second": round(rate, 1),
            "seconds_with_start": round(seconds, 1),
            "note": note,
        }
        append_csv([row | fingerprint()], out)
        print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)


def _alone(model: pathlib.Path, data_dir: pathlib.Path, out: pathlib.Path) -> None:
    settings = {"top": 5, "threshold": None, "column": "image"}
    names = find_sources([str(data_dir)], [], out)
    plan = Plan(of_model(model), settings).extended(names, SHARD)
    plan.write(out)
    predictor = PartPredictor(str(out), str(model), 32)
    predictor({"part": np.arange(len(plan.parts))})


def steady_rate(out: pathlib.Path) -> tuple[float, int]:
    """Images per second after the first file was there, and the number of images."""
    from pyarrow import parquet

    files = sorted(out.glob("*.parquet"), key=lambda x: x.stat().st_mtime_ns)
    rows = [parquet.read_metadata(file).num_rows for file in files]
    first, last = (files[i].stat().st_mtime_ns for i in (0, -1))
    return sum(rows[1:]) / max((last - first) / 1e9, 1e-9), sum(rows)
