"""The Markdown tables of the rows that `python -m benchmarks compare` wrote.

A ratio says how many times faster a candidate is than the faster form of the peer,
eager or compiled, in the same run. The control's spread is the ratio of its slowest
round to its fastest; an asterisk marks a spread above `MAX_SPREAD`. Megabytes are the
peak memory of a process. The share of the peak speed counts two operations per
multiply-add and three forward passes per training step.
"""

import csv
import itertools
import pathlib
from collections.abc import Sequence

from benchmarks.candidates import BACKENDS, FILES, PEERS
from benchmarks.cases import case
from benchmarks.compare_table import MAX_SPREAD
from keras_hybrid import models
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


README_HEAD = (
    "model",
    "inference at batch 1",
    "at batch 8",
    "at batch 32",
    "training step",
)


class Comparison:
    """The rows of a case, task and batch size.

    Args:
        rows: The rows, one per candidate.
    """

    def __init__(self, rows: list[dict]):
        first = rows[0]
        self.rows = rows
        self.case, self.task = first["case"], first["task"]
        self.batch_size = first["batch_size"]
        self.seconds = {row["candidate"]: float(row["seconds"]) for row in rows}
        self.peers = [self.seconds[name] for name in PEERS if name in self.seconds]
        candidates = [name for name in self.seconds if name in (*BACKENDS, *FILES)]
        self.best = min(candidates, key=lambda name: self.seconds[name])
        spread = first["control_spread"]
        self.mark = "*" if spread and float(spread) > MAX_SPREAD else ""
        self.spread = spread + self.mark

    def ratio(self, name: str) -> str:
        """How many times faster a candidate is than the faster form of the peer."""
        return f"{min(self.peers) / self.seconds[name]:.2f}"

    def speed(self, name: str) -> str:
        """The ratio, or milliseconds where there is no peer."""
        if not self.peers:
            return f"{1000 * self.seconds[name]:.1f} ms"
        return f"{self.ratio(name)} x"

    def line(self) -> tuple[str, ...]:
        """The line of the full table."""
        memory = {row["candidate"]: row["host_megabytes"] for row in self.rows}
        return (
            self.case,
            self.task,
            self.batch_size,
            " / ".join(f"{1000 * value:.1f}" for value in self.peers),
            self.speed("jax"),
            f"{self.speed(self.best)} ({self.best})",
            self.spread,
            " / ".join(memory[name] for name in PEERS if memory.get(name)),
            memory["jax"],
        )


def read(path: pathlib.Path = ROWS) -> list[Comparison]:
    """The comparisons in a CSV file."""
    with open(path, newline="") as file:
        measured = list(csv.DictReader(file))
    groups = itertools.groupby(
        measured, lambda row: (row["case"], row["task"], row["batch_size"])
    )
    return [Comparison(list(rows)) for _, rows in groups]


def readme_lines(comparisons: list[Comparison]) -> list[tuple[str, ...]]:
    """The lines of the README's table: networks that have a peer, JAX / best."""
    found: dict[str, dict[tuple[str, str], str]] = {}
    for x in comparisons:
        if x.peers and x.case in models.list_models():
            batch = x.batch_size if x.task == "inference" else ""
            cell = f"{x.ratio('jax')} / {x.ratio(x.best)}{x.mark}"
            found.setdefault(x.case, {})[x.task, batch] = cell
    columns = [*(("inference", batch) for batch in ("1", "8", "32")), ("training", "")]
    return [
        (models.get(name).builder.__name__, *(cells[column] for column in columns))
        for name, cells in found.items()
    ]


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = ["|".join(("", *head, "")), "|".join(("", *["---"] * len(head), ""))]
    return "\n".join(rows + ["| " + " | ".join(cells) + " |" for cells in lines])


def share(rows: list[dict], peak: float) -> str:
    """Operations per second of JAX, as a share of the peak of the machine."""
    (row,) = (row for row in rows if row["candidate"] == "jax")
    operations = 2 * macs(case(row["case"]).build()) * int(row["batch_size"])
    operations *= PASSES[row["task"]]
    return f"{operations / float(row['seconds']) / peak:.1%}"


def main(
    rows: pathlib.Path = ROWS,
    peak_tflops: float | None = None,
    readme: bool = False,
) -> None:
    """Print the table of compare.csv as Markdown.

    Args:
        rows: CSV file of `compare`.
        readme: Print the short table of README.md.
        peak_tflops: Published peak of the machine in the precision of the rows, in
            10^12 operations per second. It adds a column with JAX's share of it.
    """
    comparisons = read(rows)
    if readme:
        print(markdown(README_HEAD, readme_lines(comparisons)))
        return
    head: tuple[str, ...] = HEAD
    lines = [x.line() for x in comparisons]
    if peak_tflops is not None:
        head = (*HEAD, "JAX, share of peak")
        lines = [(*x.line(), share(x.rows, 1e12 * peak_tflops)) for x in comparisons]
    print(markdown(head, lines))
