"""The table that `compare` prints: ratios of medians, with their spread."""

from collections.abc import Sequence

from benchmarks.candidates import PEERS
from benchmarks.harness import Row

_HEAD = f"{'candidate':15} {'ms':>9} {'spread':>7} {'images/s':>9} "
_HEAD += f"{'x peer':>7} {'x control':>9} {'MB':>6} {'compile s':>9}"
MAX_SPREAD = 1.15  # a larger spread of the control means that the machine was busy


def lines(rows: Sequence[Row]) -> list[str]:
    """The table of one comparison at one batch size.

    `x peer` says how many times faster a candidate is than the faster form of the
    peer, `x control` how many times faster than the control.
    """
    first = rows[0]
    timed = [(row, row.timing) for row in rows if row.timing]
    medians = {row.candidate: timing.seconds for row, timing in timed}
    peers = [medians[name] for name in PEERS if name in medians]
    facts = first.facts
    title = f"{first.case}, {first.task}, batch {first.batch_size}"
    text = [
        "",
        f"{title}, {first.precision} (peer: {facts['peer'] or 'none'})",
        _HEAD,
    ]
    for row, timing in sorted(timed, key=lambda pair: pair[1].seconds):
        seconds = timing.seconds
        peer = _ratio(min(peers), seconds) if peers else ""
        control = ""
        if "control" in medians:
            control = _ratio(medians["control"], seconds)
        memory = row.facts["device_megabytes"]
        if memory is None:
            memory = row.facts["host_megabytes"]
        compiled = row.facts["compile_seconds"]
        text.append(
            f"{row.candidate:15} {1000 * seconds:9.1f} "
            f"{timing.spread:7.2f} {row.batch_size / seconds:9.1f} "
            f"{peer:>7} {control:>9} {memory:6.0f} {compiled:9.1f}"
        )
    spread = facts["control_spread"]
    if spread and spread > MAX_SPREAD:
        text.append(
            f"The slowest round of the control took {spread} times the fastest, more "
            f"than {MAX_SPREAD}: the machine was busy with other work."
        )
    return text


def _ratio(reference: float, seconds: float) -> str:
    return f"{reference / seconds:.2f}"
