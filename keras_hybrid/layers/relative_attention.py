"""Attention with a relative position bias (CoAtNet, arXiv:2106.04803, section 2.1)."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.layers.attention import DotProductAttention
from keras_hybrid.layers.composite import CompositeLayer
from keras_hybrid.layers.factories import dense
from keras_hybrid.layers.relative_position import RelativePositionBias
from keras_hybrid.ops import to_tokens
from keras_hybrid.utils.typing import MapShape, Tensor, fixed

BIAS_POSITIONS = ("before", "after")


@keras.saving.register_keras_serializable("keras_hybrid")
class RelativeAttention(CompositeLayer):
    """Multi-head self-attention over a map, with a bias for each offset of positions.

    Args:
        width: Channels of the output.
        attention_width: Channels of queries, keys and values together over the
            heads; None means `width`.
        head_width: Channels of a head; it divides `attention_width`.
        source: Where the bias comes from, `"table"`, `"mlp"` or `"constant"`; see
            `RelativePositionBias`.
        mlp_width: Hidden width of that MLP.
        bias_position: `"before"` adds the bias to the scores before the softmax,
            `"after"` to the attention weights (both forms of CoAtNet's equation 3).
        periodic: Whether offsets count modulo the map's sides.

    Input shape: `(B, H, W, C)`, H and W fixed. Output shape: `(B, H, W, width)`.

    Raises:
        ValueError: If `bias_position` or `source` is unknown, `head_width` does not
            divide the channels, or H or W is dynamic (None).
    """

    def __init__(
        self,
        width: int,
        attention_width: int | None = None,
        head_width: int = 32,
        source: str = "table",
        mlp_width: int = 512,
        bias_position: str = "before",
        periodic: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if bias_position not in BIAS_POSITIONS:
            raise ValueError(
                f"bias_position must be one of {BIAS_POSITIONS}, not {bias_position!r}."
            )
        inside = attention_width or width
        if inside % head_width:
            raise ValueError(
                f"{self.name}: heads of {head_width} channels do not make up {inside}."
            )
        self.width = width
        self.attention_width = attention_width
        self.head_width = head_width
        self.source = source
        self.mlp_width = mlp_width
        self.bias_position = bias_position
        self.periodic = periodic
        self.heads = inside // head_width
        policy = {"dtype": self.dtype_policy}
        start = {"kernel_initializer": "glorot_uniform"} | policy
        self.qkv = dense(3 * inside, "qkv", **start)  # q of all heads, k, v
        self.position = RelativePositionBias(
            self.heads, source, mlp_width, periodic, name="position", **policy
        )
        self.core = DotProductAttention(
            self.heads, head_width**-0.5, name="core", **policy
        )
        self.project = dense(width, "project", **start)

    def build(self, input_shape: MapShape) -> None:
        inside = (*input_shape[:-1], self.heads * self.head_width)
        self.qkv.build(input_shape)
        self.position.build(input_shape)
        self.core.build(inside)
        self.project.build(inside)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        q, k, v = ops.split(self.qkv(x), 3, axis=-1)  # (B, H, W, attention_width)
        bias = self.position(x, training=training)  # (1, heads, N, N)
        if self.bias_position == "before":
            return self.project(self.core(q, k, v, bias=bias))
        return self.project(self.core(q, k, v) + self._spread(bias, v))

    def attention_weights(self, x: Tensor) -> Tensor:
        """The attention map `(B, heads, N, N)`: rows sum to 1 with the bias before."""
        q, k, _ = ops.split(self.qkv(x), 3, axis=-1)
        bias = self.position(x)
        if self.bias_position == "before":
            return self.core.attention_weights(q, k, bias)
        return self.core.attention_weights(q, k) + bias

    def _spread(self, bias: Tensor, v: Tensor) -> Tensor:
        """What the bias adds, as attention weights: (B, H, W, attention_width)."""
        shape = ops.shape(v)
        v = to_tokens(v)
        v = ops.reshape(v, (-1, v.shape[1], self.heads, self.head_width))
        spread = ops.einsum("hnm,bmhd->bnhd", bias[0], v)
        return ops.reshape(spread, (-1, *shape[1:]))

    @property
    def table(self) -> keras.Variable | None:
        """The table of the bias, or None."""
        return self.position.table

    def fit_table(self, table: Tensor) -> Tensor:
        """Resizes a table of another grid to this layer's."""
        return self.position.fit_table(table)

    def compute_output_shape(self, input_shape: MapShape) -> MapShape:
        return (*input_shape[:-1], self.width)

    def macs(self, input_shape: MapShape) -> int:
        """Multiply-adds of one image, of dense layers and the attention's products."""
        height, width, channels = fixed(input_shape[1:])
        positions, inside = height * width, self.heads * self.head_width
        products = 2 + (self.bias_position == "after")
        return positions * inside * (
            3 * channels + products * positions + self.width
        ) + self.position.macs(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "attention_width": self.attention_width,
            "head_width": self.head_width,
            "source": self.source,
            "mlp_width": self.mlp_width,
            "bias_position": self.bias_position,
            "periodic": self.periodic,
        }
