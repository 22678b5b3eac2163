"""Name map of CeiT: the released code."""

from keras_hybrid.weights.name_map import NameMap, Writing, register_name_map

_ROLES = ("query", "key", "value")
_LEFF = {
    "conv1": "expand",
    "bn1": "expand_norm",
    "conv2": "conv",
    "bn2": "conv_norm",
    "conv3": "project",
    "bn3": "project_norm",
}


def _official() -> dict[str, str]:
    table = {
        "i2t.backbone.conv": "i2t_conv",
        "i2t.backbone.bn": "i2t_norm",
        "i2t.proj": "i2t_project",
        "cls_token": "class_token/token",
        "pos_embed": "position/table",
        "pos_layer_embed": "lca_tokens/position",
        "lca.feedforward.fc1": "lca_mlp_expand",
        "lca.feedforward.fc2": "lca_mlp_project",
        "norm": "norm",
        "head": "head",
    }
    for module, block in (("blocks.{b}", "block{b}"), ("lca", "lca")):
        table[f"{module}.norm1"] = f"{block}_attention_norm"
        table[f"{module}.norm2"] = f"{block}_mlp_norm"
        table[f"{module}.attn.proj"] = f"{block}_attention_output"
        for role in _ROLES:
            table[f"{module}.attn.qkv.{role}"] = f"{block}_attention_{role}"
    for module, layer in _LEFF.items():
        table[f"blocks.{{b}}.leff.{module}"] = f"block{{b}}_leff/{layer}"
    return table


OFFICIAL = register_name_map(
    NameMap(
        "CeiT, official code",
        marker=r"^i2t\.",
        table=_official(),
        fused={"qkv": _ROLES},
        writing=Writing(("official",), pointwise=r"\.leff\.conv[13]$"),
    )
)
