"""Times the forms of the depthwise convolution on the current backend.

The network is ATC3 with strides (2, 2, 2). Training steps and inference are timed in
each form; on TensorFlow with and without XLA.
"""

import pathlib
from collections.abc import Callable

import keras
import numpy as np

from benchmarks.harness import Row, interleave, timed, write
from keras_hybrid import models, ops

XLA = {"jax": (True,), "tensorflow": (False, True), "torch": (False,)}


def measure(batch_size: int = 64, rounds: int = 9) -> list[Row]:
    """Times every form, after a check that all have the same first loss."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, (batch_size, 32, 32, 3)).astype("float32")
    y = np.eye(100, dtype="float32")[rng.integers(0, 100, batch_size)]
    backend = keras.backend.backend()
    calls: dict[tuple[str, str], Callable[[], None]] = {}
    losses = []
    for xla in XLA[backend]:
        for form in ("plain", "shifted"):
            name = f"{backend}{', XLA' if xla else ''}, {form}"
            train, predict, loss = _compiled(xla, form, x, y)
            calls[name, "training"], calls[name, "inference"] = train, predict
            losses.append(loss)
    np.testing.assert_allclose(losses, losses[0], rtol=1e-3)
    timings = interleave([timed(call) for call in calls.values()], rounds)
    return [
        Row(
            "atc3",
            name,
            task,
            batch_size,
            timing=timing,
            facts={"images_per_second": round(batch_size / timing.seconds, 1)},
        )
        for (name, task), timing in zip(calls, timings, strict=True)
    ]


def _compiled(
    xla: bool, form: str, x: np.ndarray, y: np.ndarray
) -> tuple[Callable[[], None], Callable[[], None], float]:
    """A compiled training step and inference, and the first loss."""
    keras.utils.set_random_seed(0)
    model = models.logits(models.ATC3(strides=(2, 2, 2)))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=xla)

    def train() -> None:
        float(model.train_on_batch(x, y))

    def predict() -> None:
        model.predict_on_batch(x)

    with ops.forms(depthwise_conv=form):
        first = float(model.train_on_batch(x, y))
        train()
        predict()
    return train, predict, first


def main(
    out: pathlib.Path = pathlib.Path("depthwise.csv"),
    batch_size: int = 64,
    rounds: int = 9,
) -> None:
    """Time the forms of the depthwise convolution on this backend.

    Args:
        out: CSV file; rows are appended.
        batch_size: Images per step.
        rounds: Number of measurements of each form.
    """
    rows = measure(batch_size, rounds)
    print(*rows, sep="\n")
    write(rows, out)
