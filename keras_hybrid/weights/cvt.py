"""Name maps of CvT: the released code, and the transformers library."""

from keras_hybrid.weights.name_map import NameMap, Writing, register_name_map

_ROLES = {"q": "query", "k": "key", "v": "value"}
_BLOCK = "stage{s}_block{b}"


def _official() -> dict[str, str]:
    stage, block = "stage{s}", "stage{s}.blocks.{b}"
    table = {
        f"{stage}.patch_embed.proj": "stage{s}_embedding/conv",
        f"{stage}.patch_embed.norm": "stage{s}_embedding/norm",
        f"{stage}.cls_token": "stage{s}_class_token/token",
        f"{block}.norm1": f"{_BLOCK}_attention_norm",
        f"{block}.attn.proj": f"{_BLOCK}_attention_output",
        f"{block}.norm2": f"{_BLOCK}_mlp_norm",
        f"{block}.mlp.fc1": f"{_BLOCK}_mlp_expand",
        f"{block}.mlp.fc2": f"{_BLOCK}_mlp_project",
        "norm": "norm",
        "head": "head",
    }
    for letter, role in _ROLES.items():
        layer = f"{_BLOCK}_attention_{role}"
        table[f"{block}.attn.conv_proj_{letter}.conv"] = f"{layer}/conv"
        table[f"{block}.attn.conv_proj_{letter}.bn"] = f"{layer}/norm"
        table[f"{block}.attn.proj_{letter}"] = f"{layer}/linear"
    return table


def _transformers(root: str) -> dict[str, str]:
    stage = f"{root}encoder.stages.{{s}}"
    block = f"{stage}.layers.{{b}}"
    table = {
        f"{stage}.embedding.convolution_embeddings.projection": (
            "stage{s}_embedding/conv"
        ),
        f"{stage}.embedding.convolution_embeddings.normalization": (
            "stage{s}_embedding/norm"
        ),
        f"{stage}.cls_token": "stage{s}_class_token/token",
        f"{block}.layernorm_before": f"{_BLOCK}_attention_norm",
        f"{block}.attention.output.dense": f"{_BLOCK}_attention_output",
        f"{block}.layernorm_after": f"{_BLOCK}_mlp_norm",
        f"{block}.intermediate.dense": f"{_BLOCK}_mlp_expand",
        f"{block}.output.dense": f"{_BLOCK}_mlp_project",
        "layernorm": "norm",
        "classifier": "head",
    }
    for role in _ROLES.values():
        layer = f"{_BLOCK}_attention_{role}"
        attention = f"{block}.attention.attention"
        conv = f"{attention}.convolution_projection_{role}.convolution_projection"
        table[f"{conv}.convolution"] = f"{layer}/conv"
        table[f"{conv}.normalization"] = f"{layer}/norm"
        table[f"{attention}.projection_{role}"] = f"{layer}/linear"
    return table


OFFICIAL = register_name_map(
    NameMap(
        "CvT, official code",
        r"^stage0\.patch_embed",
        _official(),
        writing=Writing(("official",)),
    )
)
TRANSFORMERS = register_name_map(
    NameMap(
        "CvT, transformers",
        r"^cvt\.encoder\.",
        _transformers("cvt."),
        writing=Writing(("transformers",)),
    )
)
TRANSFORMERS_NO_HEAD = register_name_map(
    NameMap("CvT without head, transformers", r"^encoder\.stages", _transformers(""))
)
