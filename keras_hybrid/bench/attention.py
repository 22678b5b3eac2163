"""The two forms of attention on JAX: its own, and `layers.attention.attend`.

    KERAS_BACKEND=jax python -m keras_hybrid.bench.attention

Appends a row a form, batch size and place in a network: milliseconds of the attention
alone, and of its gradients. The forms take turns; the median of the rounds counts.
"""

import dataclasses
import pathlib
import statistics
import time

import numpy as np
from keras import ops

from keras_hybrid.bench.machine import fingerprint
from keras_hybrid.layers.attention import attend
from keras_hybrid.rows import append_csv

# Where in which network: queries, keys, heads, channels of a head.
PLACES = {
    "convit_tiny": (197, 197, 4, 48),
    "convit_small": (197, 197, 9, 48),
    "cvt13 stage 2": (784, 196, 3, 64),
    "cvt13 stage 3": (197, 50, 6, 64),
    "coatnet0 stage 3": (196, 196, 12, 32),
    "atc3 stage 1, 32 px": (256, 64, 1, 64),
}
SHORTEST = 0.02  # seconds that a measurement takes at least, by repeating


@dataclasses.dataclass(frozen=True)
class Row:
    """One form at one place."""

    place: str
    form: str
    batch_size: int
    milliseconds: float
    milliseconds_gradients: float
    rounds: int


def fused(q, k, v, bias, scale):
    """The backend's own attention."""
    return ops.dot_product_attention(q, k, v, bias=bias, scale=scale)


def measure(place: str, batch_size: int, rounds: int) -> list[Row]:
    """Times both forms, with a bias where CoAtNet has one."""
    import jax

    queries, keys, heads, width = PLACES[place]
    rng = np.random.default_rng(0)
    shapes = [(batch_size, n, heads, width) for n in (queries, keys, keys)]
    if place.startswith("coatnet"):
        shapes.append((1, heads, queries, keys))
    arrays = [jax.device_put(rng.normal(size=x).astype("float32")) for x in shapes]
    tasks = {
        (form.__name__, task): compiled
        for form in (fused, attend)
        for task, compiled in _tasks(form, width**-0.5, len(arrays)).items()
    }
    times = {key: [] for key in tasks}
    for task in tasks.values():
        jax.block_until_ready(task(*arrays))  # compiles
    for _ in range(rounds):
        for key, task in tasks.items():
            times[key].append(_milliseconds(task, arrays))
    median = {key: round(statistics.median(x), 3) for key, x in times.items()}
    return [
        Row(
            place,
            form.__name__,
            batch_size,
            median[form.__name__, "forward"],
            median[form.__name__, "gradients"],
            rounds,
        )
        for form in (fused, attend)
    ]


def _tasks(form, scale: float, arguments: int) -> dict:
    import jax

    def forward(q, k, v, bias=None):
        return form(q, k, v, bias, scale)

    def loss(*arrays):
        return (forward(*arrays) ** 2).sum()

    gradients = jax.grad(loss, tuple(range(arguments)))
    return {"forward": jax.jit(forward), "gradients": jax.jit(gradients)}


def _milliseconds(task, arrays) -> float:
    """A call's, after one that is not timed; see `worker`."""
    import jax

    jax.block_until_ready(task(*arrays))
    calls, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < SHORTEST or not calls:
        jax.block_until_ready(task(*arrays))
        calls += 1
    return 1000 * passed / calls


def main(
    batch_sizes: tuple[int, ...] = (1, 8, 32),
    rounds: int = 9,
    out: pathlib.Path = pathlib.Path("attention.csv"),
) -> None:
    """Times both forms at every place.

    Args:
        batch_sizes: Images at a time.
        rounds: Measurements of each.
        out: CSV file, to which the rows are appended.
    """
    for place in PLACES:
        for batch_size in batch_sizes:
            for row in measure(place, batch_size, rounds):
                print(row, flush=True)
                append_csv([dataclasses.asdict(row) | fingerprint()], out)


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
