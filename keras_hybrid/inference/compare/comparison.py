"""Runs on the same test images, and what follows from them."""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_hybrid.inference.compare.image_scores import ImageScores, image_scores
from keras_hybrid.inference.compare.pairs import Pair, compare_pairs, mean_recalls
from keras_hybrid.inference.compare.read_run import ComparedRun, read_run
from keras_hybrid.inference.compare.setting_rows import setting_rows
from keras_hybrid.inference.compare.shared_images import aligned
from keras_hybrid.utils.significant import significant


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Several runs of one task with the same test images.

    Attributes:
        runs: The runs.
        names: What they are called, each another name.
        labels: Labels of the test images.
        scores: The score of each image in each run.
        groups: Group numbers `(N,)`, if images belong together.
    """

    runs: list[ComparedRun]
    names: list[str]
    labels: np.ndarray
    scores: ImageScores
    groups: np.ndarray | None = None

    @functools.cached_property
    def pairs(self) -> list[Pair]:
        """How the runs differ, pair by pair."""
        return compare_pairs(self.scores, self.labels, self.groups)

    @functools.cached_property
    def rows(self) -> list[dict[str, Any]]:
        """A row of each run: its score, and what it cost; None where unknown."""
        means = self.scores.values.mean(1)
        extra: dict[str, np.ndarray] = {}
        if self.labels.ndim == 1 and self.scores.binary:
            extra["balanced accuracy"] = mean_recalls(self.labels, self.scores.values)
        return [
            {
                "run": self.names[i],
                self.scores.measure: significant(means[i]),
                **{name: significant(x[i]) for name, x in extra.items()},
                "model": run.card.get("model"),
                "parameters": run.card.get("parameters"),
                "MACs": run.macs,
                "training seconds": run.seconds(),
                "CPU seconds": run.seconds("training_cpu_seconds"),
                "epochs": run.metrics.get("epochs"),
            }
            for i, run in enumerate(self.runs)
        ]

    @property
    def settings(self) -> list[dict[str, Any]]:
        """The settings that differ, see `setting_rows`."""
        return setting_rows(self.runs, self.names)

    def verdict(self, pair: Pair) -> str:
        """The difference of a pair in a sentence."""
        first, second = self.names[pair.first], self.names[pair.second]
        if not pair.clear:
            return f"{second} and {first} do not differ clearly"
        rises = (pair.difference.value > 0) != self.scores.lower_is_better
        better, worse = (second, first) if rises else (first, second)
        return f"{better} is better than {worse}"

    def notes(self) -> list[str]:
        """What a reader must know of the numbers."""
        said = [
            "Intervals (95 %, bootstrap) and p-values say how much depends on the "
            "choice of test images, not on the seed of a training."
        ]
        if len(self.pairs) > 1:
            said.append(f"p-values are adjusted for {len(self.pairs)} pairs (Holm).")
        if self.groups is not None:
            count = len(np.unique(self.groups))
            said.append(f"The images belong to {count:,} groups, drawn as a whole.")
        for name, run in zip(self.names, self.runs, strict=True):
            seen = run.card.get("test_unseen", {}).get("seen")
            if seen:
                said.append(
                    f"{seen:,} test images of {name} are copies of its training "
                    "images, or of the group of one."
                )
        return said

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "task": self.runs[0].task,
            "images": len(self.labels),
            "measure": self.scores.measure,
            "runs": [
                {"directory": str(run.directory)} | row
                for run, row in zip(self.runs, self.rows, strict=True)
            ],
            "settings": self.settings,
            "pairs": [self._pair_facts(pair) for pair in self.pairs],
            "notes": self.notes(),
        }

    def _pair_facts(self, pair: Pair) -> dict[str, Any]:
        facts = dataclasses.asdict(pair)
        facts |= {x: self.names[facts[x]] for x in ("first", "second")}
        facts["difference"] = pair.difference._asdict()
        facts["balanced"] = pair.balanced and pair.balanced._asdict()
        return facts | {"clear": pair.clear, "verdict": self.verdict(pair)}


def compare(runs: Sequence[str | pathlib.Path], predict: bool = False) -> Comparison:
    """Compares runs on their test images.

    Args:
        runs: Folders of complete runs, two or more.
        predict: Whether runs without `test_predictions.npz`, of earlier versions, are
            tested again, which writes the file.

    Raises:
        FileNotFoundError: If a folder is no complete run or has no predictions.
        ValueError: If there are fewer than two runs, or they differ in task, classes or
            test images; the line names the difference.

    Example:
        >>> found = compare(["saved_models/first", "saved_models/second"])
        >>> print(found.pairs[0].difference, found.pairs[0].p)
    """
    folders = {pathlib.Path(x).resolve(): x for x in runs}
    if len(folders) < 2:
        raise ValueError("Give two runs or more to compare, each another folder.")
    read = [read_run(x, predict) for x in folders.values()]
    first, *others = read
    predictions = [first.predictions, *(aligned(first, x) for x in others)]
    return Comparison(
        read,
        _names([run.directory for run in read]),
        first.predictions.labels,
        image_scores(read, predictions),
        next((x.groups for x in predictions if x.groups is not None), None),
    )


def _names(folders: list[pathlib.Path]) -> list[str]:
    """The shortest ends of paths that differ."""
    parts = [x.resolve().parts for x in folders]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(x[-count:]) for x in parts]
        if len(set(names)) == len(names):
            break
    return names
