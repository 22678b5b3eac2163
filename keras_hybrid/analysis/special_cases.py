"""CvT and a residual network as special cases of ATC (hypothesis 4 of its report).

Each function returns two models that compute the same function.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_hybrid import models
from keras_hybrid.analysis.compute import run
from keras_hybrid.layers import SeparableUnit

# Options of an ATC whose separable units are dense layers and that CvT contains.
POINTWISE = {"residual_kernel": 1, "mlp_ratio": 1, "unit_activation": "quick_gelu"}


def atc_as_cvt(**fields: Any) -> tuple[keras.Model, keras.Model]:
    """An ATC with 1x1 kernels, and a CvT with equal outputs.

    With 1x1 kernels a separable unit (depthwise convolution, norm, pointwise
    convolution, norm) equals a dense layer at inference. The unit after attention,
    with its skip connection, is then the output projection of CvT, `I + W`; the
    feed-forward network is CvT's MLP of ratio 1.

    Args:
        **fields: Config fields of both models, e.g. `depths`, `widths`, `heads`,
            `input_shape`; `depths` is (1, 1, 1) by default.

    Returns:
        The ATC and the CvT, both with logits as output.
    """
    fields = {"depths": (1, 1, 1), "classes": 100} | fields
    fields.setdefault("input_shape", (32, 32, 3))
    fields["classifier_activation"] = None
    atc = models.ATC(**POINTWISE, **fields)
    shape = {"kernels": (3, 3, 3), "paddings": (1, 1, 1), "strides": (1, 2, 2)}
    cvt = models.CvT(mlp_ratio=1, **shape, **fields)
    _randomize_norms(atc)
    known = {variable.path: variable for variable in atc.variables}
    for variable in cvt.variables:
        if variable.path in known:
            variable.assign(ops.convert_to_numpy(known[variable.path]))
    for layer in atc.layers:
        if not isinstance(layer, SeparableUnit):
            continue
        block, unit = layer.name.rsplit("_", 1)
        target = {"output": "output", "unit1": "expand", "unit2": "project"}[unit]
        kernel, bias = _equivalent_dense(layer)
        dense = cvt.get_layer(f"{block}_{target}")
        dense.kernel.assign(kernel + (unit == "output") * np.eye(len(kernel)))
        dense.bias.assign(bias)
    return atc, cvt


def atc_as_residual_network(**fields: Any) -> tuple[keras.Model, keras.Model]:
    """The first block of an ATC without attention, and an equal residual block.

    Attention adds nothing if the value projection is zero, and every bias in the unit
    after it. The block is then `x + unit(act(unit(norm(x))))`, a pre-norm residual
    block of two depthwise separable convolutions.

    Args:
        **fields: Config fields of the ATC.

    Returns:
        Two models from the image to the output of the first block: that of the ATC,
        and one of its token embedding and the residual block.
    """
    atc = models.ATC(**{"input_shape": (32, 32, 3)} | fields)
    _randomize_norms(atc)
    name = "stage1_block1"
    value = atc.get_layer(f"{name}_attention_value").linear
    unit = atc.get_layer(f"{name}_attention_output")
    biases = [unit.conv.bias, unit.conv_norm.beta, unit.linear.bias]
    means = [norm.moving_mean for norm in (unit.conv_norm, unit.linear_norm)]
    for variable in (value.kernel, value.bias, unit.linear_norm.beta, *biases, *means):
        variable.assign(np.zeros(variable.shape))
    x = atc.get_layer(f"{name}_attention_norm").input
    y = x
    for part in ("norm", "unit1", "activation", "unit2"):
        y = atc.get_layer(f"{name}_mlp_{part}")(y)
    block = atc.get_layer(f"{name}_mlp_add").output
    return keras.Model(atc.input, block), keras.Model(atc.input, x + y)


def difference(first: keras.Model, second: keras.Model, images: np.ndarray) -> float:
    """Largest difference of the outputs of two models.

    It is divided by the standard deviation of the first model's outputs.
    """
    outputs = [run(model, images) for model in (first, second)]
    return float(np.abs(outputs[0] - outputs[1]).max() / outputs[0].std())


def _randomize_norms(model: keras.Model) -> None:
    """Gives norms random weights and statistics, as after training."""
    rng = np.random.default_rng(0)
    for variable in model.variables:
        if "norm" in variable.path:
            low, high = (0.5, 1.5) if "variance" in variable.path else (-0.2, 0.2)
            noise = rng.uniform(low, high, variable.shape)
            variable.assign(noise + (1.0 if "gamma" in variable.path else 0.0))


def _equivalent_dense(unit: SeparableUnit) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias of the dense layer that equals a 1x1 unit at inference."""

    def affine(norm: keras.Layer) -> tuple[np.ndarray, np.ndarray]:
        gamma, beta, mean, variance = (
            ops.convert_to_numpy(x).astype("float64")
            for x in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
        )
        scale = gamma / np.sqrt(variance + norm.epsilon)
        return scale, beta - mean * scale

    kernel = ops.convert_to_numpy(unit.linear.kernel).astype("float64")
    depthwise = ops.convert_to_numpy(unit.conv.kernel)[0, 0, :, 0]
    scale, shift = affine(unit.conv_norm)
    bias = ops.convert_to_numpy(unit.conv.bias) * scale + shift
    bias = bias @ kernel + ops.convert_to_numpy(unit.linear.bias)
    kernel = (depthwise * scale)[:, None] * kernel
    scale, shift = affine(unit.linear_norm)
    return kernel * scale, bias * scale + shift
