"""The settings in which runs differ."""

from collections.abc import Sequence
from typing import Any

from keras_hybrid.inference.compare.read_run import ComparedRun
from keras_hybrid.train.recipe import RUN_DATA, result_fields
from keras_hybrid.train.workdir import SETTINGS
from keras_hybrid.utils.card import read_card

_NAME = "name"  # of the run, which is no setting


def setting_rows(
    runs: Sequence[ComparedRun], names: Sequence[str]
) -> list[dict[str, Any]]:
    """A row of each setting, number of images or version that is not the same in all.

    Args:
        runs: The runs.
        names: What they are called, which heads the columns.

    Returns:
        Rows with `setting` and the value of each run as text; `-` where there is none.
    """
    found = [_facts(run) for run in runs]
    keys = dict.fromkeys(key for facts in found for key in facts)
    rows = []
    for key in keys:
        values = [_text(facts.get(key)) for facts in found]
        if len(set(values)) > 1:
            rows.append({"setting": key} | dict(zip(names, values, strict=True)))
    return rows


def _facts(run: ComparedRun) -> dict[str, Any]:
    """Everything that may differ."""
    facts = result_fields(run.card.get("recipe", {}))
    facts.pop(_NAME, None)
    path = run.directory / SETTINGS
    known = read_card(path).get(RUN_DATA, {}) if path.is_file() else {}
    if "train" in known:
        facts["training and validation images"] = known["train"]
    facts["parameters"] = run.card.get("parameters")
    versions = run.card.get("versions", {})
    return facts | {f"version of {name}": x for name, x in versions.items()}


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "-"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
