"""ATC's hypotheses, measured: `python -m keras_hybrid.analysis.hypotheses`.

Hypothesis 1: a convolution that follows attention works on what was gathered from the
whole image, one that precedes it on a neighbourhood. Measured by gradients, on a
network, on the same network with its convolution before attention (as many
parameters, the same weights) and on CvT.

Hypothesis 4: ATC contains CvT and a residual network. Shown by models of both kinds
that compute the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.analysis.receptive_field import reach, receptive_fields
from keras_hybrid.analysis.special_cases import (
    atc_as_cvt,
    atc_as_residual_network,
    difference,
)

BLOCK = "stage1_block1_attention"


def attention_then_convolution(images: np.ndarray, **fields: Any) -> list[dict]:
    """Hypothesis 1 on three networks with fresh weights.

    Args:
        images: `(B, H, W, 3)`.
        **fields: Of all three, e.g. `depths`, `widths`, `heads`; ATC-3's by default.

    Returns:
        One row a network and place: `network`, `parameters`, `place` (`convolution`,
        the first one that belongs to attention, then the stages) and what `reach`
        says of its field.
    """
    common = {"depths": (1, 1, 1), "classes": 100} | fields
    common["input_shape"] = images.shape[1:]
    atc = models.ATC(**common)
    first = models.ATC(convolution_first=True, **common)
    _share(atc, first)
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
        for place, field in receptive_fields(model, images, tensors).items():
            facts = {"network": name, "parameters": size, "place": place}
            rows.append(facts | reach(field))
    return rows


def reductions(images: np.ndarray, **fields: Any) -> list[dict]:
    """Hypothesis 4: how far ATC's special cases are from what they are to equal.

    Args:
        images: `(B, 32, 32, 3)`.
        **fields: Of the ATC, e.g. `depths`, `widths`, `heads`.

    Returns:
        Rows with `case` and `difference`: the largest, over the standard deviation.
    """
    fields["input_shape"] = images.shape[1:]
    cases = {
        "1x1 kernels: CvT": atc_as_cvt,
        "silenced attention: residual network": atc_as_residual_network,
    }
    return [
        {"case": name, "difference": difference(*build(**fields), images)}
        for name, build in cases.items()
    ]


def _share(atc: keras.Model, first: keras.Model) -> None:
    """Gives a convolution-first network the weights of the other."""
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
    """Prints both tables, for ATC-3 on random images."""
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3)).astype("float32")
    print("Hypothesis 1. Share of the image that a place depends on at all (support),")
    print("that holds 90 % of its gradient (area); radius over that of an even field.")
    _print(attention_then_convolution(images))
    print("\nHypothesis 4. Largest difference of the outputs over their deviation.")
    _print(reductions(images))


if __name__ == "__main__":
    main()
