"""Gated positional self-attention, GPSA (ConViT, arXiv:2103.10697, section 3)."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.layers.attention import DotProductAttention
from keras_hybrid.layers.composite import CompositeLayer
from keras_hybrid.layers.factories import local_position_kernel
from keras_hybrid.ops import (
    axis_weights,
    position_weights,
    positional_attention,
    to_tokens,
)
from keras_hybrid.utils.typing import MapShape, Shape, Tensor, fixed


@keras.saving.register_keras_serializable("keras_hybrid")
class GatedPositionalAttention(CompositeLayer):
    """Content attention and positional attention, mixed by a gate per head.

    With gate g, a query at one position of the grid attends to another by

        (1 - g) * softmax(q k^T * scale) + g * softmax(w_x dx + w_y dy + w_d d^2),

    where (dx, dy) leads from the query to the key, in tokens, and d^2 = dx^2 + dy^2.
    The second map is the same for all images, so it is applied by itself
    (`ops.positional_attention`), in float32 at least. A square number of heads is
    initialized as a convolution (`local_position_kernel`); heads beyond the largest
    square are initialized at random.

    Args:
        heads: Number of heads; it divides the channels.
        locality_strength: Initial steepness, s of the paper: how fast attention falls
            with the distance from a head's centre.
        local_init: Whether heads are initialized as a convolution; False initializes
            all of them at random.
        gate_init: Initial gate before its sigmoid; 1 gives g = 0.73.
        train_gate: Whether the gate is trained.
        dropout_rate: Dropout of the mixed attention, in [0, 1). It acts on the map of
            all pairs of positions, which training then computes.

    Call arguments:
        query, key, value: Maps `(B, H, W, C)` without class token.

    Output shape: that of `query`.

    Raises:
        ValueError: If `heads` does not divide the channels.
    """

    def __init__(
        self,
        heads: int,
        locality_strength: float = 1.0,
        local_init: bool = True,
        gate_init: float = 1.0,
        train_gate: bool = True,
        dropout_rate: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.heads = heads
        self.locality_strength = locality_strength
        self.local_init = local_init
        self.gate_init = gate_init
        self.train_gate = train_gate
        self.dropout_rate = dropout_rate
        policy = {"dtype": self.dtype_policy}
        self.content = DotProductAttention(heads, name="content", **policy)
        self.dropout = keras.layers.Dropout(dropout_rate, name="dropout", **policy)

    def build(
        self,
        query_shape: MapShape,
        key_shape: MapShape | None = None,
        value_shape: MapShape | None = None,
    ) -> None:
        self.content.build(query_shape)
        self.position_kernel = self.add_weight(
            shape=(3, self.heads),  # rows: w_x, w_y, w_d
            initializer=self._initial_kernel,
            autocast=False,
            name="position_kernel",
        )
        self.position_bias = self.add_weight(  # cancels; published weights have it
            shape=(self.heads,),
            initializer="zeros",
            autocast=False,
            name="position_bias",
        )
        self.gate = self.add_weight(
            shape=(self.heads,),
            initializer=keras.initializers.Constant(self.gate_init),
            trainable=self.train_gate,
            autocast=False,
            name="gate",
        )

    def _initial_kernel(self, shape: Shape, dtype: str | None = None) -> Tensor:
        noise = keras.initializers.RandomNormal(stddev=0.02)(shape, dtype)
        if not self.local_init:
            return noise
        square = ops.convert_to_tensor(local_position_kernel(self.heads), dtype)
        kernel = ops.concatenate([square, noise[:, square.shape[1] :]], axis=1)
        return self.locality_strength * kernel

    def call(
        self, query: Tensor, key: Tensor, value: Tensor, training: bool | None = None
    ) -> Tensor:
        if training and self.dropout_rate:
            return self._with_dropout(query, key, value)
        content = self._split_heads(self.content(query, key, value))
        gate = ops.sigmoid(self.gate)
        rest = ops.cast(1 - gate, content.dtype)[:, None]
        out = rest * content + positional_attention(
            self.position_kernel, self.position_bias, gate, self._split_heads(value)
        )
        return ops.reshape(out, (-1, *ops.shape(query)[1:]))

    def _with_dropout(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        weights = self.dropout(self.attention_weights(query, key), training=True)
        v = self._split_heads(to_tokens(value))  # (B, N, heads, c)
        out = ops.einsum("bhnm,bmhc->bnhc", weights, v)
        return ops.reshape(out, (-1, *ops.shape(query)[1:]))

    def axis_weights(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Positional attention along each axis: `(heads, H, H)` and `(heads, W, W)`.

        Its map over all positions is their product.
        """
        return axis_weights(self.position_kernel, self.position_bias, height, width)

    def position_weights(self, height: int, width: int) -> Tensor:
        """Positional attention alone, `(heads, N, N)` of a grid; rows sum to 1."""
        return position_weights(self.position_kernel, self.position_bias, height, width)

    def attention_weights(self, query: Tensor, key: Tensor) -> Tensor:
        """The mixed attention `(B, heads, N, N)`: each row sums to 1."""
        _, height, width, _ = ops.shape(query)
        content = self.content.attention_weights(query, key)
        gate = ops.sigmoid(self.gate)[:, None, None]
        position = gate * self.position_weights(height, width)
        rest = ops.cast(1 - gate, content.dtype)
        return rest * content + ops.cast(position, content.dtype)

    def _split_heads(self, x: Tensor) -> Tensor:
        width = x.shape[-1] // self.heads
        return ops.reshape(x, (-1, *ops.shape(x)[1:-1], self.heads, width))

    def compute_output_shape(
        self,
        query_shape: MapShape,
        key_shape: MapShape | None = None,
        value_shape: MapShape | None = None,
    ) -> MapShape:
        return query_shape

    def macs(
        self, query_shape: MapShape, key_shape: MapShape, value_shape: MapShape
    ) -> int:
        return gated_attention_macs(query_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "heads": self.heads,
            "locality_strength": self.locality_strength,
            "local_init": self.local_init,
            "gate_init": self.gate_init,
            "train_gate": self.train_gate,
            "dropout_rate": self.dropout_rate,
        }


def gated_attention_macs(shape: MapShape) -> int:
    """Multiply-adds of one image: two products of content, two along the axes."""
    height, width, channels = fixed(shape[1:])
    size = height * width
    return size * channels * (2 * size + height + width)
