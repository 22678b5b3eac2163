"""Name map of ConViT: the released code, whose names timm keeps."""

from collections.abc import Sequence

import keras

from keras_hybrid.weights.name_map import NameMap, Writing, register_name_map

_FUSED = {"qk": ("query", "key"), "qkv": ("query", "key", "value")}
_ATTENTION = "block{b}_attention"


def _official() -> dict[str, str]:
    block, attention = "blocks.{b}", "blocks.{b}.attn"
    table = {
        "patch_embed.proj": "patch_embedding",
        "cls_token": "class_token/token",
        "pos_embed": "position/table",
        f"{block}.norm1": f"{_ATTENTION}_norm",
        f"{attention}.v": f"{_ATTENTION}_value",
        f"{attention}.gating_param": f"{_ATTENTION}/gate",
        f"{attention}.pos_proj.weight": f"{_ATTENTION}/position_kernel",
        f"{attention}.pos_proj.bias": f"{_ATTENTION}/position_bias",
        f"{attention}.proj": f"{_ATTENTION}_output",
        f"{block}.norm2": "block{b}_mlp_norm",
        f"{block}.mlp.fc1": "block{b}_mlp_expand",
        f"{block}.mlp.fc2": "block{b}_mlp_project",
        "norm": "norm",
        "head": "head",
    }
    for fused, roles in _FUSED.items():
        for role in roles:
            table[f"{attention}.{fused}.{role}"] = f"{_ATTENTION}_{role}"
    return table


def _choose(names: Sequence[str], path: str, model: keras.Model) -> str:
    """A block with GPSA has `v` and `qk`, any other one `qkv`."""
    block = path.partition("_attention")[0]
    gated = f"{block}_attention/gate" in [x.path for x in model.variables]
    return next(name for name in names if (".qkv." in name) != gated)


OFFICIAL = register_name_map(
    NameMap(
        "ConViT, official code and timm",
        marker=r"^patch_embed\.proj\.|\.gating_param$",
        table=_official(),
        fused=_FUSED,
        reorder={"_attention/position_kernel": lambda kernel, layer: kernel.T},
        ignored=("rel_indices",),
        writing=Writing(
            ("official", "timm"),
            restore={"_attention/position_kernel": lambda kernel, layer: kernel.T},
            choose=_choose,
        ),
    )
)
