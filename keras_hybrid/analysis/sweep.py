"""Sweeps over how local a ConViT starts, and over how many layers are GPSA."""

import itertools
from collections.abc import Callable, Sequence


def locality_sweep(
    measure: Callable[[float, int], dict],
    strengths: Sequence[float] = (0.01, 0.1, 1.0),
    gpsa_layers: Sequence[int] = (0, 3, 6, 9),
) -> list[dict]:
    """Measures every pair of settings (d'Ascoli et al. 2021, section 4, figure 6).

    Without GPSA layers there is no locality to vary: that case is measured once and
    stands in every row of its own.

    Args:
        measure: `measure(locality_strength, gpsa_layers)` builds and trains a model
            and returns what is to be told of it, e.g. `{"accuracy": 0.7}`.
        strengths: Values of `locality_strength`.
        gpsa_layers: Values of `gpsa_layers`.

    Returns:
        One row a pair: `locality_strength`, `gpsa_layers` and what was measured.
    """
    plain: dict = {}
    rows = []
    for strength, count in itertools.product(strengths, gpsa_layers):
        if count:
            found = measure(strength, count)
        else:
            found = plain = plain or measure(strength, 0)
        rows.append({"locality_strength": strength, "gpsa_layers": count} | found)
    return rows
