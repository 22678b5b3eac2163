"""Forms of attention on JAX, alone and with their gradients."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.harness import Row, interleave, timed, write
from keras_hybrid import ops

# Where in which network: queries, keys, heads, channels of a head, whether with a bias.
POSITIONS = {
    "convit_tiny": (197, 197, 4, 48, False),
    "convit_small": (197, 197, 9, 48, False),
    "cvt13 stage 2": (784, 196, 3, 64, False),
    "cvt13 stage 3": (197, 50, 6, 64, False),
    "coatnet0 stage 3": (196, 196, 12, 32, True),
    "atc3 stage 1, 32 px": (256, 64, 1, 64, False),
}
FORMS = ("fused", "divide_last")
SHORTEST = 0.02  # seconds


def measure(subject: str, batch_size: int, rounds: int) -> list[Row]:
    """Times both forms, alone and with their gradients, once they agree."""
    from keras import ops as keras_ops

    queries, keys, heads, width, biased = POSITIONS[subject]
    shapes = [(batch_size, n, heads, width) for n in (queries, keys, keys)]
    shapes += [(1, heads, queries, keys)] if biased else []
    rng = np.random.default_rng(0)
    arrays = [
        keras_ops.convert_to_tensor(rng.normal(size=x), "float32") for x in shapes
    ]
    named = {
        (form, task): call
        for form in FORMS
        for task, call in _calls(form, width**-0.5, arrays).items()
    }
    expected, found = (np.asarray(named[form, "inference"]()) for form in FORMS)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    timings = interleave([timed(call, SHORTEST) for call in named.values()], rounds)
    return [
        Row(subject, form, task, batch_size, timing=timing)
        for (form, task), timing in zip(named, timings, strict=True)
    ]


def _calls(form: str, scale: float, arrays: Sequence) -> dict[str, Callable[[], Any]]:
    """The compiled attention and its gradients."""
    import jax

    def forward(q: Any, k: Any, v: Any, bias: Any = None) -> Any:
        with ops.forms(dot_product_attention=form):
            return ops.dot_product_attention(q, k, v, bias, scale)

    def loss(*arrays: Any) -> Any:
        return (forward(*arrays) ** 2).sum()

    functions = {
        "inference": jax.jit(forward),
        "gradients": jax.jit(jax.grad(loss, tuple(range(len(arrays))))),
    }
    return {
        task: lambda f=function: jax.block_until_ready(f(*arrays))
        for task, function in functions.items()
    }


def main(
    batch_sizes: tuple[int, ...] = (1, 8, 32),
    rounds: int = 9,
    out: pathlib.Path = pathlib.Path("attention.csv"),
) -> None:
    """Time the forms of attention on JAX, alone and with their gradients.

    Args:
        batch_sizes: Images at a time.
        rounds: Measurements of each.
        out: CSV file, to which the rows are appended.
    """
    for subject in POSITIONS:
        for batch_size in batch_sizes:
            rows = measure(subject, batch_size, rounds)
            print(*rows, sep="\n", flush=True)
            write(rows, out)
