"""The table of speeds, from the rows in this folder.

    python benchmarks/table.py
    python benchmarks/table.py --rows gpu.csv --peak-tflops 989

`race.csv` is what `python -m keras_hybrid bench` appended: a row a candidate. A ratio
is how many times faster ours is than the faster of the peer's two forms, eager and
compiled, of the same run; beside it the control's spread, slowest to fastest round.
Megabytes are the most that a process ever had. The share of a peak counts two
operations a multiply-add, and three forward passes a training step.
"""

import csv
import itertools
import pathlib

import tyro

from keras_hybrid.analysis.complexity import macs
from keras_hybrid.bench.candidates import BACKENDS, FILES, PEERS
from keras_hybrid.bench.subjects import subject

ROWS = pathlib.Path(__file__).with_name("race.csv")
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


def line(race: list[dict]) -> tuple[str, ...]:
    """One race: the rows of a subject, task and batch size."""
    seconds = {row["candidate"]: float(row["seconds"]) for row in race}
    memory = {row["candidate"]: row["host_megabytes"] for row in race}
    peers = [seconds[name] for name in PEERS if name in seconds]
    best = min(
        (name for name in seconds if name in (*BACKENDS, *FILES)), key=seconds.get
    )
    first = race[0]

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


def share(race: list[dict], peak: float) -> str:
    """JAX's operations a second as a share of the machine's `peak`."""
    (row,) = (row for row in race if row["candidate"] == "jax")
    operations = 2 * macs(subject(row["subject"]).build()) * int(row["batch_size"])
    operations *= PASSES[row["task"]]
    return f"{operations / float(row['seconds']) / peak:.1%}"


def main(
    rows: pathlib.Path = ROWS,
    peak_tflops: float | None = None,
) -> None:
    """Prints the table as Markdown.

    Args:
        rows: What the bench wrote.
        peak_tflops: The machine's published peak in the rows' precision, in 10^12
            operations a second: a column says which share of it JAX has.
    """
    with open(rows, newline="") as file:
        measured = list(csv.DictReader(file))
    head = HEAD if peak_tflops is None else (*HEAD, "JAX of peak")
    print("|".join(("", *head, "")))
    print("|".join(("", *["---"] * len(head), "")))
    for _, race in itertools.groupby(
        measured, lambda row: (row["subject"], row["task"], row["batch_size"])
    ):
        race = list(race)
        cells = line(race)
        if peak_tflops is not None:
            cells += (share(race, 1e12 * peak_tflops),)
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    tyro.cli(main)
