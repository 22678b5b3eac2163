"""Resizing a table of relative positions from one grid to another."""

from keras_hybrid.layers.position import resample


def resize_offsets(table, size: tuple[int, int]):
    """Resizes `(2H - 1, 2W - 1, C)` to `(*size, C)`, finely near offset 0.

    The rule of BEiT's and timm's checkpoint loaders: the known offsets are thought
    to lie at 0, 1, 1 + q, 1 + q + q**2, ..., with the ratio q at which the last one
    reaches the new grid's last (1.01 at least), and are interpolated linearly there.
    """
    rows = _offset_matrix(table.shape[0], size[0])
    return resample(table, rows, _offset_matrix(table.shape[1], size[1]))


def _offset_matrix(source: int, target: int) -> list[list[float]]:
    """Weights (target, source) of a one-dimensional resize between offset tables."""
    half, reach = source // 2, target // 2
    ratio = _ratio(half, reach)
    knots, step = [0.0], 1.0
    for _ in range(half):
        knots.append(knots[-1] + step)
        step *= ratio
    matrix = [[0.0] * source for _ in range(target)]
    for row, offset in zip(matrix, range(-reach, reach + 1), strict=True):
        sign, distance = (1 if offset > 0 else -1), min(abs(offset), knots[-1])
        below = max(k for k, knot in enumerate(knots) if knot <= distance)
        above = min(below + 1, half)
        share = (distance - knots[below]) / (knots[above] - knots[below] or 1.0)
        row[half + sign * below] += 1 - share
        row[half + sign * above] += share
    return matrix


def _ratio(terms: int, reach: int) -> float:
    """The q in [1.01, 1.5] at which 1 + q + ... (that many terms) meets `reach`."""
    low, high = 1.01, 1.5
    while high - low > 1e-6:
        ratio = (low + high) / 2
        if (1 - ratio**terms) / (1 - ratio) > reach:
            high = ratio
        else:
            low = ratio
    return ratio
