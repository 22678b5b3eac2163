"""The table that a comparison prints: ratios of medians, with their spread."""

from collections.abc import Sequence

from benchmarks.candidates import PEERS
from benchmarks.harness import Row

_HEAD = f"{'candidate':15} {'ms':>9} {'spread':>7} {'images/s':>9} "
_HEAD += f"{'x peer':>7} {'x control':>9} {'MB':>6} {'compile s':>9}"
CALM = 1.15  # a control that spreads more says that the machine was not quiet


def lines(rows: Sequence[Row]) -> list[str]:
    """The table of one comparison at one batch size.

    `x peer` is how many times faster a candidate is than the fastest of the peer's;
    `x control` than the control.
    """
    first = rows[0]
    medians = {row.candidate: row.timing.seconds for row in rows}
    peers = [medians[name] for name in PEERS if name in medians]
    facts = first.facts
    title = f"{first.subject}, {first.task}, batch {first.batch_size}"
    text = [
        "",
        f"{title}, {first.precision} (peer: {facts['peer'] or 'none'})",
        _HEAD,
    ]
    for row in sorted(rows, key=lambda row: row.timing.seconds):
        against = _ratio(min(peers), row.timing.seconds) if peers else ""
        control = medians.get("control")
        control = _ratio(control, row.timing.seconds) if control else ""
        memory = row.facts["device_megabytes"]
        if memory is None:
            memory = row.facts["host_megabytes"]
        compiled = row.facts["compile_seconds"]
        text.append(
            f"{row.candidate:15} {1000 * row.timing.seconds:9.1f} "
            f"{row.timing.spread:7.2f} {row.batch_size / row.timing.seconds:9.1f} "
            f"{against:>7} {control:>9} {memory:6.0f} {compiled:9.1f}"
        )
    spread = facts["control_spread"]
    if spread and spread > CALM:
        text.append(
            f"The control's rounds spread {spread}-fold, more than {CALM}: the machine "
            "was not quiet."
        )
    return text


def _ratio(reference: float, seconds: float) -> str:
    return f"{reference / seconds:.2f}"
