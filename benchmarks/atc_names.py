"""Which variable of our ATC each tensor of `torch_atc.ATC` belongs to."""

from keras_hybrid.weights import NameMap

_BLOCK, _STAGE = "stages.{s}.blocks.{b}", "stages.{s}"
_LAYER = "stage{s}_block{b}"
_UNITS = {"output": "attention_output", "unit1": "mlp_unit1", "unit2": "mlp_unit2"}


def _table() -> dict[str, str]:
    table = {
        f"{_STAGE}.conv": "stage{s}_embedding/conv",
        f"{_STAGE}.norm": "stage{s}_embedding/norm",
        f"{_STAGE}.token": "stage{s}_class_token/token",
        f"{_BLOCK}.norm1": f"{_LAYER}_attention_norm",
        f"{_BLOCK}.norm2": f"{_LAYER}_mlp_norm",
        f"{_BLOCK}.output": f"{_LAYER}_attention_output",
        f"{_BLOCK}.expand": f"{_LAYER}_mlp_expand",
        f"{_BLOCK}.project": f"{_LAYER}_mlp_project",
        "norm": "norm",
        "head": "head",
    }
    for role in ("query", "key", "value"):
        for part in ("conv", "norm", "linear"):
            name = f"{_BLOCK}.attention.{role}.{part}"
            table[name] = f"{_LAYER}_attention_{role}/{part}"
    for unit, layer in _UNITS.items():
        for part in ("conv", "conv_norm", "linear", "linear_norm"):
            table[f"{_BLOCK}.{unit}.{part}"] = f"{_LAYER}_{layer}/{part}"
    return table


ATC_NAMES = NameMap(
    "ATC, torch_atc", r"^stages\.0\.blocks\.0\.attention\.query\.", _table()
)
