"""The two forms of the depthwise convolution, in a whole training step.

    KERAS_BACKEND=jax python -m keras_hybrid.bench.depthwise --out depthwise.csv

For ATC3 at strides (2, 2, 2): images a second of a training step and of inference, for
each form and, on TensorFlow, with and without XLA. The candidates take turns; what
is reported is the median of the rounds and their spread.
"""

import dataclasses
import os
import pathlib
import platform
import statistics
import time
from collections.abc import Callable, Iterator

import keras
import numpy as np

from keras_hybrid import layers, models
from keras_hybrid.utils.csv_rows import append_csv


@dataclasses.dataclass(frozen=True)
class Row:
    """One candidate's speed on this machine."""

    backend: str
    xla: bool
    form: str
    images_per_second_train: float
    images_per_second_predict: float
    spread_train: float
    compile_seconds: float
    batch_size: int
    rounds: int
    processor: str
    cores: int
    load: float
    keras: str


def measure(batch_size: int = 64, rounds: int = 9) -> list[Row]:
    """Times every candidate; a round is one step of each, one after the other."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, (batch_size, 32, 32, 3)).astype("float32")
    y = np.eye(100, dtype="float32")[rng.integers(0, 100, batch_size)]
    load = os.getloadavg()[0]
    candidates = [_candidate(xla, form, x, y) for xla, form in _candidates()]
    times = [([], []) for _ in candidates]
    for _ in range(rounds):
        for (_, _, _, train, predict), (training, inference) in zip(
            candidates, times, strict=True
        ):
            training.append(_seconds(train))
            inference.append(_seconds(predict))
    return [
        Row(
            backend=keras.backend.backend(),
            xla=xla,
            form=form,
            images_per_second_train=round(batch_size / statistics.median(training), 1),
            images_per_second_predict=round(
                batch_size / statistics.median(inference), 1
            ),
            spread_train=round(max(training) / min(training), 2),
            compile_seconds=round(compiled, 1),
            batch_size=batch_size,
            rounds=rounds,
            processor=platform.processor() or platform.machine(),
            cores=os.cpu_count(),
            load=round(load, 2),
            keras=keras.__version__,
        )
        for (xla, form, compiled, _, _), (training, inference) in zip(
            candidates, times, strict=True
        )
    ]


def _candidates() -> Iterator[tuple[bool, str]]:
    both = {"jax": (True,), "tensorflow": (False, True), "torch": (False,)}
    for xla in both[keras.backend.backend()]:
        yield from ((xla, form) for form in ("native", "shifted"))


def _candidate(xla: bool, form: str, x, y):
    """Builds and compiles a model; returns how to run a step and an inference."""
    keras.utils.set_random_seed(0)
    model = models.logits(models.ATC3(strides=(2, 2, 2)))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=xla)

    def train():
        float(model.train_on_batch(x, y))

    def predict():
        model.predict_on_batch(x)

    with layers.depthwise_form(model, form):
        compiled = _seconds(train) + _seconds(predict)
        train(), predict()
    return xla, form, compiled, train, predict


def _seconds(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main(out: pathlib.Path = pathlib.Path("depthwise.csv"), rounds: int = 9) -> None:
    """Measures and appends a row a candidate to a CSV.

    Args:
        out: The CSV file.
        rounds: Rounds of one step each.
    """
    rows = [dataclasses.asdict(row) for row in measure(rounds=rounds)]
    append_csv(rows, out)
    for row in rows:
        print(row)


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
