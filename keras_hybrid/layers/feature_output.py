"""A named output of features inside a model."""

import keras

from keras_hybrid.layers.class_token import SplitClassToken
from keras_hybrid.utils.typing import MapShape, Tensor, TokensShape


@keras.saving.register_keras_serializable("keras_hybrid")
class FeatureOutput(keras.layers.Layer):
    """The identity. Its name is the name of the feature.

    `models.features` collects the `feature` of every layer that has one.

    Call arguments:
        x: A map `(B, H, W, C)`, or tokens `(B, 1 + H * W, C)`, class token first.
        grid: For tokens: any map of H x W, which gives them their positions.

    Output shape: that of `x`.
    """

    @property
    def feature(self) -> keras.KerasTensor:
        """The symbolic map, `(B, H, W, C)`."""
        _, *grid = keras.tree.flatten(self.input)
        return SplitClassToken()(self.output, *grid)[1] if grid else self.output

    def call(self, x: Tensor, grid: Tensor | None = None) -> Tensor:
        return x

    def compute_output_shape(
        self, x_shape: MapShape | TokensShape, grid_shape: MapShape | None = None
    ) -> MapShape | TokensShape:
        return x_shape
