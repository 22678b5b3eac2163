"""Measures two hypotheses of the ATC report.

    python -m keras_hybrid.analysis.hypotheses

Hypothesis 1: a convolution after attention depends on the whole image, a convolution
before attention on a neighborhood only. The gradients of three networks show it: an
ATC, the same network with its convolution before attention (same weights, same number
of parameters), and a CvT.

Hypothesis 4: ATC contains CvT and a residual network as special cases. Pairs of models
with equal outputs show it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.analysis.receptive_field import (
    field_statistics,
    receptive_fields,
)
from keras_hybrid.analysis.special_cases import (
    atc_as_cvt,
    atc_as_residual_network,
    difference,
)

BLOCK = "stage1_block1_attention"


def attention_then_convolution(images: np.ndarray, **fields: Any) -> list[dict]:
    """Hypothesis 1: receptive fields of three networks with initial weights.

    Args:
        images: `(B, H, W, 3)`.
        **fields: Config fields of all three networks, e.g. `depths`, `widths`,
            `heads`; those of ATC-3 by default.

    Returns:
        One row per network and feature map: `network`, `parameters`, `feature`
        (`convolution`, the first convolution beside attention, and the stages) and
        the `field_statistics` of its receptive field.
    """
    common = {"depths": (1, 1, 1), "classes": 100} | fields
    common["input_shape"] = images.shape[1:]
    atc = models.ATC(**common)
    first = models.ATC(convolution_first=True, **common)
    _copy_weights(atc, first)
    shape = {"kernels": (3, 3, 3), "paddings": (1, 1, 1), "strides": (1, 2, 2)}
    cases = {
        "ATC": (atc, "output"),
        "convolution first": (first, "input"),
        "CvT": (models.CvT(**shape, **common), "query"),
    }
    rows = []
    for name, (model, part) in cases.items():
        convolution = model.get_layer(f"{BLOCK}_{part}").output
        tensors = {"convolution": convolution} | models.features(model).output
        size = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
        for feature, field in receptive_fields(model, images, tensors).items():
            facts = {"network": name, "parameters": size, "feature": feature}
            rows.append(facts | field_statistics(field))
    return rows


def special_case_errors(images: np.ndarray, **fields: Any) -> list[dict]:
    """Hypothesis 4: the difference between ATC's special cases and their equals.

    Args:
        images: `(B, 32, 32, 3)`.
        **fields: Config fields of the ATC, e.g. `depths`, `widths`, `heads`.

    Returns:
        One row per case: `case` and `difference`, see `special_cases.difference`.
    """
    fields["input_shape"] = images.shape[1:]
    cases = {
        "1x1 kernels: CvT": atc_as_cvt,
        "zero attention: residual network": atc_as_residual_network,
    }
    return [
        {"case": name, "difference": difference(*build(**fields), images)}
        for name, build in cases.items()
    ]


def _copy_weights(atc: keras.Model, first: keras.Model) -> None:
    """Gives the convolution-first network the weights of the ATC."""
    for layer in first.layers:
        name = layer.name.replace("attention_input", "attention_output")
        layer.set_weights(atc.get_layer(name).get_weights())


def _print(rows: Sequence[Mapping]) -> None:
    cells = [list(rows[0])]
    for row in rows:
        cells.append(
            [f"{x:.3g}" if isinstance(x, float) else str(x) for x in row.values()]
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(x.ljust(w) for x, w in zip(line, widths, strict=True)))


def main() -> None:
    """Prints a table for each hypothesis, for ATC-3 on random images."""
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3)).astype("float32")
    print(
        "Hypothesis 1. Receptive field of the central position: share of the pixels "
        "with any influence\n(support), share that holds 90 % of the gradient (area), "
        "radius relative to a uniform field."
    )
    _print(attention_then_convolution(images))
    print(
        "\nHypothesis 4. Largest difference of the outputs, divided by their standard "
        "deviation."
    )
    _print(special_case_errors(images))


if __name__ == "__main__":
    main()
