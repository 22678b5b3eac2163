"""Times the forms of attention on JAX, and their gradients."""

import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.harness import Row, interleave, timed, write
from keras_hybrid import ops

# Stage of a network -> queries, keys, heads, channels per head, whether with a bias.
ATTENTION_LAYERS = {
    "convit_tiny": (197, 197, 4, 48, False),
    "convit_small": (197, 197, 9, 48, False),
    "cvt13 stage 2": (784, 196, 3, 64, False),
    "cvt13 stage 3": (197, 50, 6, 64, False),
    "coatnet0 stage 3": (196, 196, 12, 32, True),
    "atc3 stage 1, 32 px": (256, 64, 1, 64, False),
}
FORMS = ("fused", "divide_last")
MIN_SECONDS = 0.02  # of a measurement


def measure(case: str, batch_size: int, rounds: int) -> list[Row]:
    """Times both forms and their gradients, after a check that they agree."""
    from keras import ops as keras_ops

    queries, keys, heads, width, biased = ATTENTION_LAYERS[case]
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
    timings = interleave([timed(call, MIN_SECONDS) for call in named.values()], rounds)
    return [
        Row(case, form, task, batch_size, timing=timing)
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
        task: functools.partial(_wait, function, *arrays)
        for task, function in functions.items()
    }


def _wait(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function of JAX and waits for its result."""
    import jax

    return jax.block_until_ready(function(*arguments))


def main(
    batch_sizes: tuple[int, ...] = (1, 8, 32),
    rounds: int = 9,
    out: pathlib.Path = pathlib.Path("attention.csv"),
) -> None:
    """Time the forms of attention on JAX, and their gradients.

    Args:
        batch_sizes: Images per batch.
        rounds: Number of measurements of each form.
        out: CSV file; rows are appended.
    """
    for case in ATTENTION_LAYERS:
        for batch_size in batch_sizes:
            rows = measure(case, batch_size, rounds)
            print(*rows, sep="\n", flush=True)
            write(rows, out)
