"""The size of a model beside the size that its paper prints."""

from typing import Any

import keras

from keras_hybrid import models
from keras_hybrid.analysis.complexity import LayerCost, breakdown
from keras_hybrid.utils.typing import Shape

# Variant -> (millions of parameters, billions of multiply-adds or None) at the default
# input size of the family. CeiT-B's row repeats DeiT-B's parameters. The papers of
# ConViT and CeiT leave the products of attention out of the multiply-adds. ATC's report
# prints no multiply-adds.
PRINTED = {
    "convit_tiny": (6, 1.0),
    "convit_tiny_plus": (10, 2.0),
    "convit_small": (27, 5.4),
    "convit_small_plus": (48, 10.0),
    "convit_base": (86, 17.0),
    "convit_base_plus": (152, 30.0),
    "cvt13": (19.98, 4.53),
    "cvt21": (31.54, 7.13),
    "cvt_w24": (276.7, 60.86),
    "ceit_tiny": (6.4, 1.2),
    "ceit_small": (24.2, 4.5),
    "ceit_base": (86.6, 17.4),
    "atc3": (2.9, None),
    "atc5a": (6.4, None),
    "atc5b": (3.3, None),
    "atc5c": (2.9, None),
    "atc9": (12.0, None),
    "atc13": (19.2, None),
    "atc15": (19.7, None),
    "atc_res3": (3.3, None),
    "atc_res15": (20.1, None),
}


def size_table(model: keras.Model) -> list[dict]:
    """The size of a model, of the variant with its name, and of the paper's table.

    Returns:
        One row per network: its input, its number of classes, and its parameters and
        multiply-adds in millions ("-" where the paper prints none).
    """
    costs = breakdown(model)
    rows = [
        _row(
            "this model",
            model.input_shape[1:],
            model.output_shape[-1],
            sum(cost.parameters for cost in costs),
            sum(cost.macs for cost in costs),
        )
    ]
    if model.name in models.list_models():
        variant = models.get(model.name)
        facts = (variant.family.input_shape, variant.family.classes)
        rows.append(_row(variant.name, *facts, variant.parameters, variant.macs))
        if model.name in PRINTED:
            millions, billions = PRINTED[model.name]
            macs = billions and billions * 1e9
            rows.append(_row("paper", *facts, millions * 1e6, macs))
    return rows


def size_by_type(costs: list[LayerCost]) -> list[dict]:
    """Parameters and multiply-adds per layer class, the most multiply-adds first.

    Args:
        costs: What `breakdown` returns.
    """
    kinds: dict[str, dict] = {}
    for cost in costs:
        empty = {"kind": cost.kind, "layers": 0, "parameters": 0, "macs": 0}
        row = kinds.setdefault(cost.kind, empty)
        row["layers"] += 1
        row["parameters"] += cost.parameters
        row["macs"] += cost.macs
    costly = [row for row in kinds.values() if row["parameters"] or row["macs"]]
    return sorted(costly, key=lambda row: -row["macs"])


def _row(
    network: str, shape: Shape, classes: int, parameters: float, macs: float | None
) -> dict[str, Any]:
    return {
        "network": network,
        "input": "x".join(map(str, shape)),
        "classes": classes,
        "parameters (M)": round(parameters / 1e6, 3),
        "multiply-adds (M)": round(macs / 1e6, 1) if macs else "-",
    }
