"""Times training steps on JAX with hand-written gradients and with JAX's own.

Dense layers, convolutions, norms, max pooling and the bias of attention have
hand-written gradients. Depthwise convolution and attention keep their form.
"""

import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases import case
from benchmarks.harness import Row, interleave, timed, write
from benchmarks.keras_runners import Jax
from keras_hybrid import ops

OPERATIONS = (
    "add_shared_bias",
    "batch_normalization",
    "conv",
    "dense",
    "layer_normalization",
    "max_pool",
)
KINDS: dict[str, dict[str, str]] = {
    "derived": dict.fromkeys(OPERATIONS, "plain"),
    "hand-written": {},
}


def measure(name: str, batch_size: int, rounds: int) -> list[Row]:
    """Times the training step of a network with both kinds of gradients."""
    model, rng = case(name).build(), np.random.default_rng(0)
    images = rng.normal(size=(batch_size, *model.input_shape[1:])).astype("float32")
    labels = np.zeros((batch_size, *model.output_shape[1:]), "float32")
    steps = {}
    for kind, forms in KINDS.items():
        # A runner traces its step once, so each kind has a runner of its own.
        with ops.forms(**forms):
            steps[kind] = Jax(model).compiled("training", images, labels, donate=False)
    losses = [float(step(*arguments)[0]) for step, arguments in steps.values()]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-4)
    calls = [
        timed(functools.partial(_wait, step, *arguments))
        for step, arguments in steps.values()
    ]
    names = ("GLIBC_TUNABLES", "XLA_FLAGS")
    settings = " ".join(os.environ[x] for x in names if x in os.environ)
    return [
        Row(
            name,
            kind,
            "training",
            batch_size,
            timing=timing,
            facts={
                "temporary_megabytes": _temporary(steps[kind][0]),
                "settings": settings,
            },
        )
        for kind, timing in zip(KINDS, interleave(calls, rounds), strict=True)
    ]


def _wait(step: Callable[..., Any], *arguments: Any) -> None:
    import jax

    jax.block_until_ready(step(*arguments))


def _temporary(compiled: Any) -> int:
    """Megabytes of temporary memory of a compiled step, by XLA's count."""
    return compiled.memory_analysis().temp_size_in_bytes // 10**6


def main(
    names: tuple[str, ...],
    /,
    batch_size: int = 8,
    rounds: int = 9,
    out: pathlib.Path = pathlib.Path("gradients.csv"),
) -> None:
    """Time training steps on JAX with hand-written gradients and with JAX's own.

    Args:
        names: Models, see `keras-hybrid list`.
        batch_size: Images per step.
        rounds: Number of measurements of each kind.
        out: CSV file; two rows per model are appended.
    """
    for name in names:
        rows = measure(name, batch_size, rounds)
        print(*rows, sep="\n", flush=True)
        write(rows, out)
