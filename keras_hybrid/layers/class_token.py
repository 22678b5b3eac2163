"""The class token: a learned vector put before the patch tokens."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_hybrid.ops import to_map, to_tokens, tokens_shape
from keras_hybrid.utils.typing import MapShape, Shape, Tensor, TokensShape


@keras.saving.register_keras_serializable("keras_hybrid")
class ClassToken(keras.layers.Layer):
    """Prepends one learned token, the same for every image.

    Input shape: a map `(B, H, W, C)` or tokens `(B, N, C)`.
    Output shape: `(B, 1 + N, C)`, the class token first.
    """

    def build(self, input_shape: MapShape | TokensShape) -> None:
        self.token = self.add_weight(
            shape=(1, 1, input_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="token",
        )

    @property
    def undecayed_variables(self) -> tuple[keras.Variable, ...]:
        """Variables without weight decay, as all embeddings."""
        return (self.token,)

    def call(self, x: Tensor) -> Tensor:
        x = to_tokens(x)
        shape = (ops.shape(x)[0], 1, x.shape[-1])
        token = ops.broadcast_to(ops.cast(self.token, x.dtype), shape)
        return ops.concatenate([token, x], axis=1)

    def compute_output_shape(self, input_shape: MapShape | TokensShape) -> TokensShape:
        batch, length, channels = tokens_shape(input_shape)
        return (batch, None if length is None else 1 + length, channels)


@keras.saving.register_keras_serializable("keras_hybrid")
class SelectToken(keras.layers.Layer):
    """One token of a sequence, as a sequence of length 1.

    Args:
        index: Position of the token; 0 is the class token, -1 the last token.

    Input shape: `(B, N, C)`. Output shape: `(B, 1, C)`.
    """

    def __init__(self, index: int = 0, **kwargs: Any):
        super().__init__(**kwargs)
        self.index = index

    def call(self, x: Tensor) -> Tensor:
        return ops.expand_dims(x[:, self.index], axis=1)

    def compute_output_shape(self, input_shape: TokensShape) -> TokensShape:
        batch, _, channels = input_shape
        return (batch, 1, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "index": self.index}


@keras.saving.register_keras_serializable("keras_hybrid")
class StackTokens(keras.layers.Layer):
    """Tokens of several depths as one sequence, each with a vector of its depth.

    The vectors are learned and start from zero.

    Input shape: a list of L tokens `(B, 1, C)`. Output shape: `(B, L, C)`.
    """

    def build(self, input_shape: Sequence[TokensShape]) -> None:
        self.position = self.add_weight(
            shape=(1, len(input_shape), input_shape[0][-1]),
            initializer="zeros",
            name="position",
        )

    def call(self, tokens: Sequence[Tensor]) -> Tensor:
        return ops.concatenate(tokens, axis=1) + self.position

    def compute_output_shape(self, input_shape: Sequence[TokensShape]) -> TokensShape:
        batch, _, channels = input_shape[0]
        return (batch, len(input_shape), channels)


@keras.saving.register_keras_serializable("keras_hybrid")
class SplitClassToken(keras.layers.Layer):
    """Undoes `ClassToken`: the class token and the map, as a pair.

    Like a `FeatureOutput`, it names a feature: its map.

    Call arguments:
        x: Tokens `(B, 1 + H * W, C)`.
        grid: Any map of H x W.

    Output shape: `(B, C)` and `(B, H, W, C)`.
    """

    @property
    def feature(self) -> keras.KerasTensor:
        """The symbolic map, `(B, H, W, C)`."""
        return self.output[1]

    def call(self, x: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
        return x[:, 0], to_map(x[:, 1:], like=grid)

    def compute_output_shape(
        self, x_shape: TokensShape, grid_shape: MapShape
    ) -> tuple[Shape, MapShape]:
        batch, _, channels = x_shape
        return (batch, channels), (*grid_shape[:3], channels)
