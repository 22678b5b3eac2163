"""Names of CeiT's tensors: the released code's."""

from keras_hybrid.weights.grammar import Grammar

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
    for theirs, ours in (("blocks.{b}", "block{b}"), ("lca", "lca")):
        table[f"{theirs}.norm1"] = f"{ours}_attention_norm"
        table[f"{theirs}.norm2"] = f"{ours}_mlp_norm"
        table[f"{theirs}.attn.proj"] = f"{ours}_attention_output"
        for role in _ROLES:
            table[f"{theirs}.attn.qkv.{role}"] = f"{ours}_attention_{role}"
    for theirs, ours in _LEFF.items():
        table[f"blocks.{{b}}.leff.{theirs}"] = f"block{{b}}_leff/{ours}"
    return table


GRAMMARS = (Grammar("CeiT, official code", r"^i2t\.", _official(), {"qkv": _ROLES}),)
