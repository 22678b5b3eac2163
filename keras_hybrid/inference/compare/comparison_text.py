"""A comparison of runs as text for a terminal."""

from collections.abc import Iterator
from typing import Any

from keras_hybrid.inference.compare.comparison import Comparison
from keras_hybrid.inference.compare.pairs import Pair
from keras_hybrid.train.bootstrap import Interval
from keras_hybrid.utils.text_table import text_table


def comparison_text(found: Comparison) -> str:
    """Runs with their cost, settings that differ, and every pair."""
    return "\n".join(_lines(found))


def run_rows(found: Comparison) -> list[dict[str, Any]]:
    """A row of each run as text, best first."""
    order = sorted(
        found.rows,
        key=lambda row: row[found.scores.measure],
        reverse=not found.scores.lower_is_better,
    )
    return [{name: _text(found, name, x) for name, x in row.items()} for row in order]


def pair_rows(found: Comparison) -> list[dict[str, Any]]:
    """A row of each pair as text."""
    return [_pair_row(found, pair) for pair in found.pairs]


def summary(found: Comparison) -> str:
    """What was compared."""
    return (
        f"{len(found.runs)} runs on the same {len(found.labels):,} test images of "
        f"{found.runs[0].card.get('dataset', 'one dataset')}."
    )


def _lines(found: Comparison) -> Iterator[str]:
    yield from [summary(found), ""]
    yield from text_table(run_rows(found))
    yield from ["", "Settings that differ"]
    yield from text_table(found.settings) if found.settings else ["none"]
    yield from ["", f"Differences of {found.scores.measure}, second less first"]
    yield from text_table(pair_rows(found))
    yield ""
    for pair in found.pairs:
        yield f"{found.verdict(pair)} (p = {_p(pair.adjusted)})."
    yield from found.notes()


def _pair_row(found: Comparison, pair: Pair) -> dict[str, Any]:
    row = {"first": found.names[pair.first], "second": found.names[pair.second]}
    row |= _difference(found, "difference", pair.difference)
    row["p"] = _p(pair.p)
    if len(found.pairs) > 1:
        row["adjusted p"] = _p(pair.adjusted)
    if pair.only_first is not None:
        row["only first right"] = f"{pair.only_first:,}"
        row["only second right"] = f"{pair.only_second:,}"
    if pair.balanced is not None:
        row |= _difference(found, "balanced accuracy", pair.balanced)
    return row | {"test": pair.test}


def _difference(found: Comparison, name: str, interval: Interval) -> dict[str, str]:
    value, low, high = (_signed(found, x) for x in interval)
    of = "95 % interval" if name == "difference" else f"interval of {name}"
    return {name: value, of: f"{low} to {high}"}


def _signed(found: Comparison, value: float) -> str:
    """A difference in percentage points, or in the unit of the numbers."""
    text = f"{100 * value:+.1f}" if found.scores.binary else f"{value:+.4g}"
    text = text[1:] if float(text) == 0 else text
    return f"{text} %" if found.scores.binary else text


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-4 else f"{value:.0e}"


def _text(found: Comparison, name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name in (found.scores.measure, "balanced accuracy"):
        return f"{100 * value:.1f} %" if found.scores.binary else f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
