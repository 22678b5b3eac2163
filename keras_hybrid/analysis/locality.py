"""How far attention reaches: D_loc, the nonlocality of ConViT's equation 8."""

from collections.abc import Callable, Iterable, Iterator

import keras
import numpy as np
from keras import ops

from keras_hybrid.analysis.attention_maps import (
    AttentionMap,
    AttentionProbe,
    Grid,
    attention_layers,
)
from keras_hybrid.analysis.compute import batches, run
from keras_hybrid.layers import GatedPositionalAttention

ReadMaps = Callable[[np.ndarray], Iterable[AttentionMap]]
MODES = ("layer_input", "patch_embedding")


def distances(grid: Grid, key_grid: Grid | None = None) -> np.ndarray:
    """Lengths of the ways from every place of a grid to every key, `(N, M)`.

    Args:
        grid: Height and width of the queries' map; its steps are the unit.
        key_grid: Those of the keys' map; None means the same. Keys of a coarser map
            stand at every second (third, ...) place, as strided convolutions do.
    """
    axes = []
    for side, keys in zip(grid, key_grid or grid, strict=True):
        step = -(-side // keys)
        axes.append(step * np.arange(keys)[None, :] - np.arange(side)[:, None])
    rows, columns = (axis.astype("float64") for axis in axes)
    squares = rows[:, None, :, None] ** 2 + columns[None, :, None, :] ** 2
    return np.sqrt(squares.reshape(len(rows) * len(columns), -1))


def nonlocality(
    attention: AttentionMap | np.ndarray,
    grid: Grid | None = None,
    renormalise: bool = True,
) -> np.ndarray:
    """D_loc: the mean distance at which a map attends, in patches.

    `D_loc = 1/N sum_ij A_ij |delta_ij|` over N queries i (d'Ascoli et al. 2021,
    equation 8).

    Args:
        attention: An `AttentionMap`, or weights `(..., N, N)` among the patches of
            `grid`.
        grid: Height and width for weights.
        renormalise: Of a layer with a class token, whose row and column are left
            out: whether the remaining rows are brought back to the sum 1.

    Returns:
        One number a map: `(B, heads)`, or `(...)`.

    Raises:
        ValueError: If no patch asks in the layer, or weights come without a grid.
    """
    if isinstance(attention, AttentionMap):
        lengths = distances(*attention.patch_grids())
        attention = attention.patches(renormalise)
    else:
        if grid is None:
            raise ValueError("Weights need the grid of their patches.")
        lengths = distances(grid)
    return (attention * lengths).sum(axis=(-2, -1)) / len(lengths)


def d_loc(
    model: keras.Model,
    images: np.ndarray,
    mode: str = "layer_input",
    renormalise: bool = True,
    batch_size: int = 64,
) -> dict[str, np.ndarray]:
    """D_loc of every head of every layer in which patches attend to patches.

    Args:
        model: A model with attention layers of this package.
        images: `(B, H, W, C)`; the paper averages over 1,024.
        mode: `"layer_input"`, the paper's: a layer sees what reaches it in the
            network. `"patch_embedding"`, what ConViT's published code logs: every
            layer is fed the patch embedding itself, without position embedding and
            norm.
        renormalise: See `nonlocality`.
        batch_size: Images at a time.

    Returns:
        Name of the layer -> `(heads,)`, the mean over the images.

    Raises:
        ValueError: If `mode` is unknown, or the model has no patch embedding for it.
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {MODES}, not {mode!r}.")
    read: ReadMaps = AttentionProbe(model)
    if mode == MODES[1]:
        read = _fed_by_patches(model)
    return d_loc_of(read, images, renormalise, batch_size)


def d_loc_of(
    read: ReadMaps, images: np.ndarray, renormalise: bool = True, batch_size: int = 64
) -> dict[str, np.ndarray]:
    """`d_loc` for a probe that is there already."""
    sums: dict[str, np.ndarray] = {}
    for batch in batches(images, batch_size):
        for attention in read(batch):
            if attention.query_grid and attention.key_grid:
                values = nonlocality(attention, renormalise=renormalise).sum(axis=0)
                sums[attention.layer] = sums.get(attention.layer, 0) + values
    return {name: values / len(images) for name, values in sums.items()}


def position_nonlocality(
    heads: int, grid: Grid, locality_strength: float = 1.0
) -> np.ndarray:
    """D_loc of attention by place alone, as GPSA starts it: `(heads,)`."""
    layer = GatedPositionalAttention(heads, locality_strength)
    layer.build((None, *grid, heads))
    return nonlocality(ops.convert_to_numpy(layer.position_weights(*grid)), grid)


def _fed_by_patches(model: keras.Model) -> ReadMaps:
    """What a probe does, but every layer is fed the patch embedding."""
    names = [layer.name for layer in model.layers]
    if "patch_embedding" not in names:
        raise ValueError(f"{model.name} has no patch embedding: mode={MODES[0]!r}.")
    patches = keras.Model(model.input, model.get_layer("patch_embedding").output)

    def read(images: np.ndarray) -> Iterator[AttentionMap]:
        x = run(patches, images)
        for layer in attention_layers(model):
            roles = (f"{layer.name}_query", f"{layer.name}_key")
            weights = layer.attention_weights(
                *(model.get_layer(role)(x) for role in roles)
            )
            weights = ops.convert_to_numpy(ops.cast(weights, "float32"))
            yield AttentionMap(layer.name, weights, x.shape[1:3], x.shape[1:3], False)

    return read
