"""A layer that consists of layers, each of which may be quantized by itself."""

from typing import Any

import keras


class CompositeLayer(keras.layers.Layer):
    """A layer whose config says which of the layers within it are quantized.

    `keras.Model.quantize` gives dense layers a dtype policy of their own. Keras builds
    the layers within a layer from its config, so that the config needs these policies.
    """

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        policy = self.dtype_policy
        default = getattr(policy, "default_policy", policy)
        # Keras has no public walk through layers within layers
        inner = self._flatten_layers(include_self=False)
        quantized = {x.path: x.dtype_policy for x in inner if x.quantization_mode}
        if quantized:
            policies = keras.dtype_policies.DTypePolicyMap(default, quantized)
            config["dtype"] = keras.dtype_policies.serialize(policies)
        return config
