"""Name map of CoAtNet: timm, of which Astroformer's code is a copy."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_hybrid.layers import RelativeAttention
from keras_hybrid.weights.name_map import NameMap, Writing, register_name_map

_BLOCK = "stage{s}_block{b}"
_CONV = f"{_BLOCK}_mbconv"
_ATTENTION = f"{_BLOCK}_attention"


def _timm() -> dict[str, str | Sequence[str]]:
    block = "stages.{s}.blocks.{b}"
    position = f"{_ATTENTION}/position"
    table: dict[str, str | Sequence[str]] = {
        "stem.conv1": "stem_conv1",
        "stem.norm1": "stem_norm",
        "stem.conv2": "stem_conv2",
        "norm": "norm",
        "head.norm": "norm",
        "head.pre_logits.fc": "pre_logits",
        "head.fc": "head",
        f"{block}.shortcut.expand": f"{_BLOCK}_shortcut",
        f"{block}.pre_norm": f"{_CONV}/norm",
        f"{block}.conv1_1x1": f"{_CONV}/expand",
        f"{block}.conv2_kxk": f"{_CONV}/conv",
        f"{block}.conv3_1x1": f"{_CONV}/project",
        # both kinds of block have these two
        f"{block}.norm1": (f"{_CONV}/expand_norm", f"{_ATTENTION}_norm"),
        f"{block}.norm2": (f"{_CONV}/conv_norm", f"{_BLOCK}_mlp_norm"),
        f"{block}.norm1.norm": f"{_ATTENTION}_norm",
        f"{block}.attn.qkv": f"{_ATTENTION}/qkv",
        f"{block}.attn.proj": f"{_ATTENTION}/project",
        f"{block}.attn.rel_pos.relative_position_bias_table": f"{position}/table",
        f"{block}.attn.rel_pos.mlp.fc1": f"{position}/mlp_expand",
        f"{block}.attn.rel_pos.mlp.fc2": f"{position}/mlp_project",
        f"{block}.ls1.gamma": f"{_ATTENTION}_scale/gamma",
        f"{block}.mlp.fc1": f"{_BLOCK}_mlp_expand",
        f"{block}.mlp.fc2": f"{_BLOCK}_mlp_project",
        f"{block}.ls2.gamma": f"{_BLOCK}_mlp_scale/gamma",
    }
    for gate in ("se", "se_early"):
        table[f"{block}.{gate}.fc1"] = f"{_CONV}/squeeze_excite/reduce"
        table[f"{block}.{gate}.fc2"] = f"{_CONV}/squeeze_excite/expand"
    return table


def _from_head_first(value: np.ndarray, layer: RelativeAttention) -> np.ndarray:
    """Channels (head, q | k | v, width of a head) -> (q | k | v, head, width)."""
    split = value.reshape((*value.shape[:-1], layer.heads, 3, layer.head_width))
    return np.swapaxes(split, -3, -2).reshape(value.shape)


def _to_head_first(value: np.ndarray, layer: RelativeAttention) -> np.ndarray:
    """Channels (q | k | v, head, width of a head) -> (head, q | k | v, width)."""
    split = value.reshape((*value.shape[:-1], 3, layer.heads, layer.head_width))
    return np.swapaxes(split, -3, -2).reshape(value.shape)


def _flat(table: np.ndarray, layer: RelativeAttention) -> np.ndarray:
    """A table (vertical offsets, horizontal ones, heads) -> (offsets, heads)."""
    return table.reshape(-1, table.shape[-1])


def _choose(names: Sequence[str], path: str, model: keras.Model) -> str:
    """What the same layer is called depends on the rest of the network."""
    layers = {layer.name: layer for layer in model.layers}
    name, _, inner = path.partition("/")
    if inner.startswith("squeeze_excite/"):
        word, wanted = ".se_early.", layers[name].squeeze_early
    elif name == "norm":
        word, wanted = "head.norm.", "pre_logits" in layers
    else:  # in a block that strides, timm joins norm and pooling in one module
        word, wanted = ".norm1.norm.", name.replace("_norm", "_pool") in layers
    return next(name for name in names if (word in name) == wanted)


TIMM = register_name_map(
    NameMap(
        "CoAtNet and Astroformer, timm",
        marker=r"^stages\.0\.blocks\.0\.",
        table=_timm(),
        reorder={
            "_attention/qkv/kernel": _from_head_first,
            "_attention/qkv/bias": _from_head_first,
        },
        ignored=("rel_coords_log", "relative_position_index"),
        writing=Writing(
            ("official", "timm"),
            pointwise=r"\.(shortcut\.expand|conv[13]_1x1|se(_early)?\.fc[12])$"
            r"|\.attn\.(qkv|proj)$|\.blocks\.\d+\.mlp\.fc[12]$",
            restore={
                "_attention/qkv/kernel": _to_head_first,
                "_attention/qkv/bias": _to_head_first,
                "_attention/position/table": _flat,
            },
            choose=_choose,
        ),
    )
)
