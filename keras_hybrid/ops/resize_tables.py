"""Resizing tables of positions and of offsets from one grid to another."""

import math

from keras import ops

from keras_hybrid.utils.typing import Tensor


def resize_grid(grid: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic resize of `(H, W, C)` to `(*size, C)`, alike on every backend.

    The rule of torch's `interpolate(mode="bicubic", align_corners=False)`: cubic
    coefficient -0.75, borders repeated, no antialiasing.
    """
    rows = _cubic_matrix(grid.shape[0], size[0])
    return resample(grid, rows, _cubic_matrix(grid.shape[1], size[1]))


def resample(
    grid: Tensor, rows: list[list[float]], columns: list[list[float]]
) -> Tensor:
    """Applies two matrices of weights (target, source) to the axes of `(H, W, C)`."""
    rows = ops.convert_to_tensor(rows, "float32")
    columns = ops.convert_to_tensor(columns, "float32")
    return ops.einsum("ih,jw,hwc->ijc", rows, columns, ops.convert_to_tensor(grid))


def resize_offsets(table: Tensor, size: tuple[int, int]) -> Tensor:
    """Resizes `(2H - 1, 2W - 1, C)` to `(*size, C)`, finely near offset 0.

    The rule of BEiT's and timm's checkpoint loaders: the known offsets are thought
    to lie at 0, 1, 1 + q, 1 + q + q**2, ..., with the ratio q at which the last one
    reaches the new grid's last (1.01 at least), and are interpolated linearly there.
    """
    rows = _offset_matrix(table.shape[0], size[0])
    return resample(table, rows, _offset_matrix(table.shape[1], size[1]))


def _cubic_matrix(source: int, target: int) -> list[list[float]]:
    """Weights (target, source) of a one-dimensional bicubic resize."""
    matrix = [[0.0] * source for _ in range(target)]
    for i, row in enumerate(matrix):
        position = (i + 0.5) * source / target - 0.5
        nearest = math.floor(position)
        for source_position in range(nearest - 1, nearest + 3):
            row[min(max(source_position, 0), source - 1)] += _cubic(
                abs(position - source_position)
            )
    return matrix


def _cubic(distance: float, a: float = -0.75) -> float:
    if distance <= 1:
        return ((a + 2) * distance - (a + 3)) * distance**2 + 1
    if distance < 2:
        return a * (((distance - 5) * distance + 8) * distance - 4)
    return 0.0


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
