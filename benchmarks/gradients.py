"""A training step on JAX with hand-written gradients, and with the derived ones.

Hand-written are those of dense layers, convolutions, norms, max pools and the bias of
attention; the depthwise convolution and attention keep their form.
"""

import os
import pathlib

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
KINDS = {"derived": dict.fromkeys(OPERATIONS, "plain"), "hand-written": {}}


def measure(name: str, batch_size: int, rounds: int) -> list[Row]:
    """Times a network's training step with both kinds of gradients."""
    import jax

    model, rng = case(name).build(), np.random.default_rng(0)
    images = rng.normal(size=(batch_size, *model.input_shape[1:])).astype("float32")
    labels = np.zeros((batch_size, *model.output_shape[1:]), "float32")
    steps = {}
    for kind, forms in KINDS.items():
        with ops.forms(**forms):  # JAX traces a runner's step once: each has its own
            steps[kind] = Jax(model).compiled("training", images, labels, donate=False)
    losses = [float(step(*arguments)[0]) for step, arguments in steps.values()]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-4)
    calls = [
        timed(lambda s=step, a=arguments: jax.block_until_ready(s(*a)))
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


def _temporary(compiled: object) -> int:
    return compiled.memory_analysis().temp_size_in_bytes // 10**6  # type: ignore[attr-defined]


def main(
    names: tuple[str, ...],
    /,
    batch_size: int = 8,
    rounds: int = 9,
    out: pathlib.Path = pathlib.Path("gradients.csv"),
) -> None:
    """Time training steps on JAX with hand-written and with derived gradients.

    Args:
        names: Models, as `keras-hybrid list` gives them.
        batch_size: Images per step.
        rounds: Measurements of each.
        out: CSV file, to which two rows per model are appended.
    """
    for name in names:
        rows = measure(name, batch_size, rounds)
        print(*rows, sep="\n", flush=True)
        write(rows, out)
