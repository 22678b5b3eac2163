"""The Markdown table of the rows that `python -m benchmarks compare` wrote.

A ratio says how many times faster a candidate is than the faster form of the peer,
eager or compiled, in the same run. The control's spread is the ratio of its slowest
round to its fastest. Megabytes are the peak memory of a process. The share of the peak
speed counts two operations per multiply-add and three forward passes per training step.
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
    "case",
    "task",
    "batch",
    "peer ms",
    "JAX",
    "best",
    "control's spread",
    "peer MB",
    "JAX MB",
)


def line(rows: list[dict]) -> tuple[str, ...]:
    """The line of a case, task and batch size."""
    seconds = {row["candidate"]: float(row["seconds"]) for row in rows}
    memory = {row["candidate"]: row["host_megabytes"] for row in rows}
    peers = [seconds[name] for name in PEERS if name in seconds]
    candidates = [name for name in seconds if name in (*BACKENDS, *FILES)]
    best = min(candidates, key=lambda name: seconds[name])
    first = rows[0]

    def speed(name: str) -> str:
        if not peers:
            return f"{1000 * seconds[name]:.1f} ms"
        return f"{min(peers) / seconds[name]:.2f} x"

    return (
        first["case"],
        first["task"],
        first["batch_size"],
        " / ".join(f"{1000 * value:.1f}" for value in peers),
        speed("jax"),
        f"{speed(best)} ({best})",
        first["control_spread"],
        " / ".join(memory[name] for name in PEERS if memory.get(name)),
        memory["jax"],
    )


def share(rows: list[dict], peak: float) -> str:
    """Operations per second of JAX, as a share of the peak of the machine."""
    (row,) = (row for row in rows if row["candidate"] == "jax")
    operations = 2 * macs(case(row["case"]).build()) * int(row["batch_size"])
    operations *= PASSES[row["task"]]
    return f"{operations / float(row['seconds']) / peak:.1%}"


def main(
    rows: pathlib.Path = ROWS,
    peak_tflops: float | None = None,
) -> None:
    """Print the table of compare.csv as Markdown.

    Args:
        rows: CSV file of `compare`.
        peak_tflops: Published peak of the machine in the precision of the rows, in
            10^12 operations per second. It adds a column with JAX's share of it.
    """
    with open(rows, newline="") as file:
        measured = list(csv.DictReader(file))
    head = HEAD if peak_tflops is None else (*HEAD, "JAX, share of peak")
    print("|".join(("", *head, "")))
    print("|".join(("", *["---"] * len(head), "")))
    for _, group in itertools.groupby(
        measured, lambda row: (row["case"], row["task"], row["batch_size"])
    ):
        candidates = list(group)
        cells = line(candidates)
        if peak_tflops is not None:
            cells += (share(candidates, 1e12 * peak_tflops),)
        print("| " + " | ".join(cells) + " |")
