"""What a race gave, as people read it: ratios of medians, with their spread."""

from collections.abc import Sequence

from keras_hybrid.bench.candidates import PEERS
from keras_hybrid.bench.race import Row

_HEAD = f"{'candidate':15} {'ms':>9} {'spread':>7} {'images/s':>9} "
_HEAD += f"{'x peer':>7} {'x control':>9} {'MB':>6} {'compile s':>9}"
CALM = 1.15  # a control that spreads more says that the machine was not quiet


def lines(rows: Sequence[Row]) -> list[str]:
    """The table of one race at one batch size.

    `x peer` is how many times faster a candidate is than the fastest of the peer's;
    `x control` than the control.
    """
    first = rows[0]
    medians = {row.candidate: row.seconds for row in rows}
    peers = [medians[name] for name in PEERS if name in medians]
    title = f"{first.subject}, {first.task}, batch {first.batch_size}"
    text = ["", f"{title}, {first.precision} (peer: {first.peer or 'none'})", _HEAD]
    for row in sorted(rows, key=lambda row: row.seconds):
        against = _ratio(min(peers), row.seconds) if peers else ""
        control = medians.get("control")
        control = _ratio(control, row.seconds) if control else ""
        memory = row.device_megabytes
        if memory is None:
            memory = row.host_megabytes
        text.append(
            f"{row.candidate:15} {1000 * row.seconds:9.1f} "
            f"{row.slowest / row.fastest:7.2f} {row.batch_size / row.seconds:9.1f} "
            f"{against:>7} {control:>9} {memory:6.0f} {row.compile_seconds:9.1f}"
        )
    if first.control_spread and first.control_spread > CALM:
        text.append(
            f"The control's rounds spread {first.control_spread}-fold, more than "
            f"{CALM}: the machine was not quiet."
        )
    return text


def _ratio(reference: float, seconds: float) -> str:
    return f"{reference / seconds:.2f}"
