"""Operations beneath the layers, one per file. Layers and models know no backend.

Each operation has a plain form, which is its formula, and may have faster forms with
hand-written gradients. `dispatch` chooses one by backend and device; `forms` overrides
the choice, and `register` adds a form.
"""

from keras_hybrid.ops.activations import gelu, quick_gelu
from keras_hybrid.ops.attention import (
    add_shared_bias,
    attention_scores,
    dot_product_attention,
)
from keras_hybrid.ops.conv import conv
from keras_hybrid.ops.custom_gradient import with_gradient
from keras_hybrid.ops.dense import dense
from keras_hybrid.ops.depthwise_conv import depthwise_conv
from keras_hybrid.ops.dispatch import (
    forms,
    jax_on_cpu,
    list_forms,
    register,
    unregister,
    uses_plain,
)
from keras_hybrid.ops.max_pool import max_pool
from keras_hybrid.ops.normalization import batch_normalization, layer_normalization
from keras_hybrid.ops.pad import PADDING_MODES, pad_map
from keras_hybrid.ops.positional_attention import (
    axis_scores,
    axis_weights,
    position_weights,
    positional_attention,
)
from keras_hybrid.ops.precision import at_least_float32
from keras_hybrid.ops.resize_tables import resample, resize_grid, resize_offsets
from keras_hybrid.ops.tokens import area, grid_size, to_map, to_tokens, tokens_shape
from keras_hybrid.ops.windows import col2im, window_views

__all__ = [
    "PADDING_MODES",
    "add_shared_bias",
    "area",
    "at_least_float32",
    "attention_scores",
    "axis_scores",
    "axis_weights",
    "batch_normalization",
    "col2im",
    "conv",
    "dense",
    "depthwise_conv",
    "dot_product_attention",
    "forms",
    "gelu",
    "grid_size",
    "jax_on_cpu",
    "layer_normalization",
    "list_forms",
    "max_pool",
    "pad_map",
    "position_weights",
    "positional_attention",
    "quick_gelu",
    "register",
    "resample",
    "resize_grid",
    "resize_offsets",
    "uses_plain",
    "to_map",
    "to_tokens",
    "tokens_shape",
    "unregister",
    "window_views",
    "with_gradient",
]
