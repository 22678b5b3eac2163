"""Models that compute in 16 bits, and the same in float32."""

import re
from typing import Any

import keras

_SHORT = re.compile(r"(mixed_)?b?float16")


def in_float32(model: keras.Model) -> keras.Model:
    """The model with every layer in float32, for files and CPUs.

    Layers in mixed precision have float32 weights: their values stay the same.

    Args:
        model: Any functional model, e.g. one trained with `mixed_bfloat16`.

    Returns:
        A new model, or `model` itself if no layer computes in 16 bits.
    """
    # Keras has no public walk through layers within layers
    if not any(_SHORT.fullmatch(str(x.compute_dtype)) for x in model._flatten_layers()):
        return model
    new = type(model).from_config(_in_float32(model.get_config()))
    values = [keras.ops.convert_to_numpy(x) for x in model.variables]
    for variable, value in zip(new.variables, values, strict=True):
        variable.assign(keras.ops.cast(value, variable.dtype))
    return new


def _in_float32(config: Any) -> Any:
    """A part of a model's configuration, with other dtypes."""
    if isinstance(config, list | tuple):
        return type(config)(_in_float32(value) for value in config)
    if not isinstance(config, dict):
        return config
    is_policy = str(config.get("class_name")).endswith("DTypePolicy")
    if is_policy:
        names = config["config"].items()
        return config | {"config": {key: _replaced(name) for key, name in names}}
    return {
        key: _replaced(value) if key == "dtype" else _in_float32(value)
        for key, value in config.items()
    }


def _replaced(dtype: Any) -> Any:
    if isinstance(dtype, str):
        return _SHORT.sub("float32", dtype)
    return _in_float32(dtype)
