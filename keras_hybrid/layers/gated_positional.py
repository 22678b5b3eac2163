"""Gated positional self-attention, GPSA (ConViT, arXiv:2103.10697, section 3)."""

import keras
from keras import ops

from keras_hybrid.layers.attention import DotProductAttention
from keras_hybrid.layers.by_place import (
    attend_along_axes,
    axis_scores,
    local_init,
)
from keras_hybrid.layers.grid import to_tokens

FORMS = ("separable", "shared", "dense")


@keras.saving.register_keras_serializable("keras_hybrid")
class GatedPositionalAttention(keras.layers.Layer):
    """Attention by content and attention by place, mixed by a gate per head.

    With gate g, a query at one place of the grid attends to another by

        (1 - g) * softmax(q k^T * scale) + g * softmax(w_x dx + w_y dy + w_d d^2),

    where (dx, dy) leads from the query to the key, in tokens, and d^2 = dx^2 +
    dy^2. A square number of heads starts as a convolution, see `by_place`; heads
    beyond the largest square start at random.

    Three forms compute the same. `"dense"` mixes the two maps and applies the
    mixture. `"shared"` applies the maps one after the other; the second is the
    same for all images. `"separable"` uses that the second is the product of a
    softmax over rows and one over columns: no map of all pairs of places exists.
    The softmax over places is computed in float32 at least.

    Args:
        heads: Number of heads; it divides the channels.
        locality_strength: Initial steepness, s of the paper: how fast attention
            falls with the distance from a head's centre.
        local_init: Whether heads start as a convolution; False starts
            all of them at random.
        gate_init: Initial gate before its sigmoid; 1 gives g = 0.73.
        train_gate: Whether the gate is trained.
        dropout_rate: Dropout of the mixed attention, in [0, 1). It acts on the
            whole map, so that training takes the dense form.
        form: `"separable"`, `"shared"` or `"dense"`. It may be reassigned on a
            built layer, before the function that calls it is compiled.

    Call arguments:
        query, key, value: Maps `(B, H, W, C)` without class token.

    Output shape: that of `query`.

    Raises:
        ValueError: If `form` is unknown, or `heads` does not divide the channels.
    """

    def __init__(
        self,
        heads,
        locality_strength=1.0,
        local_init=True,
        gate_init=1.0,
        train_gate=True,
        dropout_rate=0.0,
        form="separable",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if form not in FORMS:
            raise ValueError(f"form must be one of {FORMS}, not {form!r}.")
        self.heads = heads
        self.locality_strength = locality_strength
        self.local_init = local_init
        self.gate_init = gate_init
        self.train_gate = train_gate
        self.dropout_rate = dropout_rate
        self.form = form
        policy = {"dtype": self.dtype_policy}
        self.content = DotProductAttention(heads, name="content", **policy)
        self.dropout = keras.layers.Dropout(dropout_rate, name="dropout", **policy)

    def build(self, query_shape, key_shape=None, value_shape=None):
        self.content.build(query_shape)
        self.position_kernel = self.add_weight(
            shape=(3, self.heads),  # rows: w_x, w_y, w_d
            initializer=self._start,
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

    def _start(self, shape, dtype=None):
        noise = keras.initializers.RandomNormal(stddev=0.02)(shape, dtype)
        if not self.local_init:
            return noise
        square = ops.convert_to_tensor(local_init(self.heads), dtype)
        start = ops.concatenate([square, noise[:, square.shape[1] :]], axis=1)
        return self.locality_strength * start

    def call(self, query, key, value, training=None):
        if self.form == "dense" or (training and self.dropout_rate):
            weights = self.dropout(
                self.attention_weights(query, key), training=training
            )
            v = self._split_heads(to_tokens(value))  # (B, N, heads, c)
            out = ops.einsum("bhnm,bmhc->bnhc", weights, v)
            return ops.reshape(out, (-1, *ops.shape(query)[1:]))
        by_place = self._shared if self.form == "shared" else self._separable
        content = self._split_heads(self.content(query, key, value))
        gate = ops.sigmoid(self.gate)
        rest = ops.cast(1 - gate, content.dtype)[:, None]
        out = rest * content + by_place(self._split_heads(value), gate)
        return ops.reshape(out, (-1, *ops.shape(query)[1:]))

    def axis_weights(self, height: int, width: int):
        """Attention by place along each axis: `(heads, H, H)` and `(heads, W, W)`.

        Its map over all places is their product.
        """
        rows = ops.softmax(self._scores(height, axis=1))
        return rows, ops.softmax(self._scores(width, axis=0))

    def _shared(self, value, gate):
        _, height, width, heads, channels = ops.shape(value)
        weights = gate[:, None, None] * self.position_weights(height, width)
        v = ops.reshape(value, (-1, height * width, heads, channels))
        out = ops.einsum("hnm,bmhc->bnhc", ops.cast(weights, v.dtype), v)
        return ops.reshape(out, (-1, height, width, heads, channels))

    def _separable(self, value, gate):
        _, height, width, _, _ = ops.shape(value)
        rows, columns = self.axis_weights(height, width)
        return attend_along_axes(gate[:, None, None] * rows, columns, value)

    def position_weights(self, height: int, width: int):
        """Attention by place alone, `(heads, N, N)` of a grid; rows sum to 1."""
        scores = (
            self._scores(height, axis=1)[:, :, None, :, None]
            + self._scores(width, axis=0)[:, None, :, None, :]
        )  # (heads, H, W, H, W)
        size = height * width
        return ops.softmax(ops.reshape(scores, (-1, size, size)))

    def attention_weights(self, query, key):
        """The mixed attention `(B, heads, N, N)`: each row sums to 1."""
        _, height, width, _ = ops.shape(query)
        content = self.content.attention_weights(query, key)
        gate = ops.sigmoid(self.gate)[:, None, None]
        place = ops.cast(gate * self.position_weights(height, width), content.dtype)
        return ops.cast(1 - gate, content.dtype) * content + place

    def _scores(self, length, axis):
        """What one axis adds to the scores, `(heads, length, length)`."""
        dtype = "float64" if self.variable_dtype == "float64" else "float32"
        slope, curvature = self.position_kernel[axis], self.position_kernel[2]
        bias = ops.cast(self.position_bias, dtype)[:, None, None]
        return axis_scores(length, slope, curvature, dtype) + bias

    def _split_heads(self, x):
        width = x.shape[-1] // self.heads
        return ops.reshape(x, (-1, *ops.shape(x)[1:-1], self.heads, width))

    def compute_output_shape(self, query_shape, key_shape=None, value_shape=None):
        return query_shape

    def macs(self, query_shape, key_shape, value_shape):
        _, height, width, channels = query_shape
        size = height * width
        by_place = {"separable": height + width, "shared": size, "dense": 0}
        return size * channels * (2 * size + by_place[self.form])

    def get_config(self):
        return {
            **super().get_config(),
            "heads": self.heads,
            "locality_strength": self.locality_strength,
            "local_init": self.local_init,
            "gate_init": self.gate_init,
            "train_gate": self.train_gate,
            "dropout_rate": self.dropout_rate,
            "form": self.form,
        }
