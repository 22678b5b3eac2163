"""Attention distance: D_loc, the nonlocality of ConViT's equation 8."""

from collections.abc import Callable, Iterable, Iterator

import keras
import numpy as np
from keras import ops

from keras_hybrid.analysis.attention_map import AttentionMap, Grid
from keras_hybrid.analysis.attention_probe import AttentionProbe, attention_layers
from keras_hybrid.analysis.compute import batches, run

ReadMaps = Callable[[np.ndarray], Iterable[AttentionMap]]
MODES = ("layer_input", "patch_embedding")


def distances(grid: Grid, key_grid: Grid | None = None) -> np.ndarray:
    """Distances between every position of a grid and every key, `(N, M)`.

    Args:
        grid: Height and width of the queries' feature map, whose step is the unit.
        key_grid: Height and width of the keys' feature map; None means `grid`. The
            keys of a coarser map lie at every second (third, ...) position, as the
            outputs of a strided convolution do.
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
    renormalize: bool = True,
) -> np.ndarray:
    """D_loc: the mean distance between queries and the keys they attend to, in patches.

    `D_loc = 1/N sum_ij A_ij |delta_ij|` over N queries i (d'Ascoli et al. 2021,
    equation 8).

    Args:
        attention: An `AttentionMap`, or weights `(..., N, N)` among the patches of
            `grid`.
        grid: Height and width of the feature map, for weights.
        renormalize: Whether rows are divided by their sum once the row and column of
            a class token are removed.

    Returns:
        `(B, heads)`, or `(...)` for weights.

    Raises:
        ValueError: If no patch is a query of the layer, or weights come without a
            grid.
    """
    if isinstance(attention, AttentionMap):
        lengths = distances(*attention.patch_grids())
        attention = attention.patch_weights(renormalize)
    else:
        if grid is None:
            raise ValueError("Attention weights need grid=(height, width).")
        lengths = distances(grid)
    return (attention * lengths).sum(axis=(-2, -1)) / len(lengths)


def d_loc(
    model: keras.Model,
    images: np.ndarray,
    mode: str = "layer_input",
    renormalize: bool = True,
    batch_size: int = 64,
) -> dict[str, np.ndarray]:
    """D_loc of every head of every layer in which patches attend to patches.

    Args:
        model: A model with attention layers of this package.
        images: `(B, H, W, C)`; the paper averages over 1,024 images.
        mode: `"layer_input"`, as in the paper: a layer gets its input in the network.
            `"patch_embedding"`, as in the code that ConViT's authors published: every
            layer gets the patch embedding, without position embedding and norm.
        renormalize: See `nonlocality`.
        batch_size: Images per batch.

    Returns:
        Name of the layer -> `(heads,)`, the mean over the images.

    Raises:
        ValueError: If `mode` is unknown or needs a patch embedding that the model does
            not have.
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {MODES}, not {mode!r}.")
    read_maps: ReadMaps = AttentionProbe(model)
    if mode == MODES[1]:
        read_maps = _from_patch_embedding(model)
    return d_loc_from_maps(read_maps, images, renormalize, batch_size)


def d_loc_from_maps(
    read_maps: ReadMaps,
    images: np.ndarray,
    renormalize: bool = True,
    batch_size: int = 64,
) -> dict[str, np.ndarray]:
    """`d_loc` with a given reader of attention maps, e.g. an `AttentionProbe`."""
    sums: dict[str, np.ndarray] = {}
    for batch in batches(images, batch_size):
        for attention in read_maps(batch):
            if attention.query_grid and attention.key_grid:
                values = nonlocality(attention, renormalize=renormalize).sum(axis=0)
                sums[attention.layer] = sums.get(attention.layer, 0) + values
    return {name: values / len(images) for name, values in sums.items()}


def _from_patch_embedding(model: keras.Model) -> ReadMaps:
    """Reads attention maps as if the patch embedding was the input of every layer."""
    names = [layer.name for layer in model.layers]
    if "patch_embedding" not in names:
        raise ValueError(f"{model.name} has no patch embedding: use mode={MODES[0]!r}.")
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
