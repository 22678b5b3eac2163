"""The table of speeds, from the rows of `python -m benchmarks compare`.

A ratio is how many times faster ours is than the faster of the peer's two forms, eager
and compiled, of the same run; beside it the control's spread, slowest to fastest round.
Megabytes are the peak of a process. The share of a peak counts two operations per
multiply-add, and three forward passes per training step.
"""

import csv
import itertools
import pathlib

from benchmarks.candidates import BACKENDS, FILES, PEERS
from benchmarks.cases import case
from keras_hybrid.analysis.complexity import macs

ROWS = pathlib.Path(__file__).with_name("compare.csv")
PASSES = {"inference": 1, "training": 3}

HEAD = (
    "subject",
    "task",
    "batch",
    "peer ms",
    "JAX",
    "best of ours",
    "control's spread",
    "peer MB",
    "JAX MB",
)


def line(rows: list[dict]) -> tuple[str, ...]:
    """The line of a subject, task and batch size."""
    seconds = {row["candidate"]: float(row["seconds"]) for row in rows}
    memory = {row["candidate"]: row["host_megabytes"] for row in rows}
    peers = [seconds[name] for name in PEERS if name in seconds]
    best = min(
        (name for name in seconds if name in (*BACKENDS, *FILES)), key=seconds.get
    )
    first = rows[0]

    def against(name: str) -> str:
        if not peers:
            return f"{1000 * seconds[name]:.1f} ms"
        return f"{min(peers) / seconds[name]:.2f} x"

    return (
        first["subject"],
        first["task"],
        first["batch_size"],
        " / ".join(f"{1000 * value:.1f}" for value in peers),
        against("jax"),
        f"{against(best)} ({best})",
        first["control_spread"],
        " / ".join(memory[name] for name in PEERS if memory.get(name)),
        memory["jax"],
    )


def share(rows: list[dict], peak: float) -> str:
    """JAX's operations per second as a share of the machine's `peak`."""
    (row,) = (row for row in rows if row["candidate"] == "jax")
    operations = 2 * macs(case(row["subject"]).build()) * int(row["batch_size"])
    operations *= PASSES[row["task"]]
    return f"{operations / float(row['seconds']) / peak:.1%}"


def main(
    rows: pathlib.Path = ROWS,
    peak_tflops: float | None = None,
) -> None:
    """Print the table of compare.csv as Markdown.

    Args:
        rows: CSV file of `compare`.
        peak_tflops: The machine's published peak in the rows' precision, in 10^12
            operations a second: a column says which share of it JAX has.
    """
    with open(rows, newline="") as file:
        measured = list(csv.DictReader(file))
    head = HEAD if peak_tflops is None else (*HEAD, "JAX of peak")
    print("|".join(("", *head, "")))
    print("|".join(("", *["---"] * len(head), "")))
    for _, group in itertools.groupby(
        measured, lambda row: (row["subject"], row["task"], row["batch_size"])
    ):
        candidates = list(group)
        cells = line(candidates)
        if peak_tflops is not None:
            cells += (share(candidates, 1e12 * peak_tflops),)
        print("| " + " | ".join(cells) + " |")
