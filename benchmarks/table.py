"""The table of speeds, from the rows in this folder.

    python benchmarks/table.py

`race.csv` is what `python -m keras_hybrid bench` appended: a row a candidate. A ratio
is how many times faster ours is than the faster of the peer's two forms, eager and
compiled, of the same run; beside it the control's spread, slowest to fastest round.
Megabytes are the most that a process ever had.
"""

import csv
import itertools
import pathlib

from keras_hybrid.bench.candidates import BACKENDS, FILES, PEERS

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


def main() -> None:
    """Prints the table as Markdown."""
    with open(pathlib.Path(__file__).with_name("race.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    print("|".join(("", *HEAD, "")))
    print("|".join(("", *["---"] * len(HEAD), "")))
    for _, race in itertools.groupby(
        rows, lambda row: (row["subject"], row["task"], row["batch_size"])
    ):
        print("| " + " | ".join(line(list(race))) + " |")


if __name__ == "__main__":
    main()
