"""`compare` on a GPU: bfloat16, larger batches, eager and compiled peers."""

import pathlib

from benchmarks import compare
from benchmarks.candidates import Candidate
from benchmarks.machine import accelerator

CANDIDATES: tuple[Candidate, ...] = (
    "jax",
    "torch",
    "peer",
    "peer-compiled",
    "control",
    "control-deit",
)
NAMES = ("convit_tiny", "convit_small", "cvt13", "coatnet0", "astroformer0")


def main(
    names: tuple[str, ...] = NAMES,
    /,
    batch_sizes: tuple[int, ...] = (1, 64, 256),
    rounds: int = 15,
    out: pathlib.Path = pathlib.Path("gpu.csv"),
) -> None:
    """Time inference and training on an NVIDIA GPU in bfloat16, beside the peers.

    Args:
        names: Models, see `keras-hybrid list`.
        batch_sizes: Images per batch.
        rounds: Number of measurements of each candidate.
        out: CSV file; one row per candidate is appended.
    """
    if not accelerator():
        raise RuntimeError(
            "No GPU was found (nvidia-smi): run this on a machine that has one."
        )
    for task in ("inference", "training"):
        compare.main(
            names,
            task=task,
            batch_sizes=batch_sizes,
            candidates=CANDIDATES,
            rounds=rounds,
            precision="bfloat16",
            out=out,
        )
