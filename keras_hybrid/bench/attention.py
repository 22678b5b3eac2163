"""The two forms of attention on JAX: its own, and `layers.attention.attend`.

    KERAS_BACKEND=jax python -m keras_hybrid.bench.attention

Appends a row a form, batch size and place in a network: milliseconds of the attention
alone, and of its gradients. The forms take turns; the median of the rounds counts.
"""

import dataclasses
import pathlib
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
from keras import ops

from keras_hybrid.bench.machine import fingerprint
from keras_hybrid.layers.attention import attend
from keras_hybrid.utils.csv_rows import append_csv

# Where in which network: queries, keys, heads, channels of a head, whether with a bias.
PLACES = {
    "convit_tiny": (197, 197, 4, 48, False),
    "convit_small": (197, 197, 9, 48, False),
    "cvt13 stage 2": (784, 196, 3, 64, False),
    "cvt13 stage 3": (197, 50, 6, 64, False),
    "coatnet0 stage 3": (196, 196, 12, 32, True),
    "atc3 stage 1, 32 px": (256, 64, 1, 64, False),
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


FORMS = (fused, attend)


def measure(place: str, batch_size: int, rounds: int) -> list[Row]:
    """Times both forms, alone and with their gradients."""
    queries, keys, heads, width, biased = PLACES[place]
    shapes = [(batch_size, n, heads, width) for n in (queries, keys, keys)]
    shapes += [(1, heads, queries, keys)] if biased else []
    rng = np.random.default_rng(0)
    arrays = [ops.convert_to_tensor(rng.normal(size=x), "float32") for x in shapes]
    calls = {form: _calls(form, width**-0.5, len(arrays)) for form in FORMS}
    times = {form: ([], []) for form in FORMS}
    for _ in range(rounds):
        for form in FORMS:
            for call, taken in zip(calls[form], times[form], strict=True):
                taken.append(_milliseconds(call, arrays))
    return [
        Row(
            place,
            form.__name__,
            batch_size,
            *(round(statistics.median(taken), 3) for taken in times[form]),
            rounds,
        )
        for form in FORMS
    ]


def _calls(form: Callable, scale: float, arguments: int) -> tuple[Callable, Callable]:
    """The compiled attention and its gradients, of queries, keys, values and a bias."""
    import jax

    def forward(q, k, v, bias=None):
        return form(q, k, v, bias, scale)

    def loss(*arrays):
        return (forward(*arrays) ** 2).sum()

    return jax.jit(forward), jax.jit(jax.grad(loss, tuple(range(arguments))))


def _milliseconds(call: Callable, arrays: Sequence) -> float:
    """A call's, after one that is not timed; see `worker`."""
    import jax

    jax.block_until_ready(call(*arrays))
    calls, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < SHORTEST:
        jax.block_until_ready(call(*arrays))
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
