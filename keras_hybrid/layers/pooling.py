"""Max pooling with symmetric padding, the alignment of the published networks."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_hybrid")
class PaddedMaxPool2D(keras.layers.Layer):
    """Maximum over windows that reach `pool_size // 2` pixels past every border.

    What lies beyond the border never wins: there the image is mirrored, which
    leaves the maximum as it is and keeps infinities out of exported files.

    Args:
        pool_size: Side of the square window, in pixels; odd.
        strides: Stride along both axes.

    Input shape: `(B, H, W, C)`. Output shape: `(B, H', W', C)` with
    `H' = (H - 1) // strides + 1`.
    """

    def __init__(self, pool_size=3, strides=2, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = pool_size
        self.strides = strides

    def call(self, x):
        reach = (self.pool_size // 2,) * 2
        x = ops.pad(x, ((0, 0), reach, reach, (0, 0)), mode="symmetric")
        return ops.max_pool(
            x, self.pool_size, self.strides, "valid", data_format="channels_last"
        )

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (
            None if side is None else (side - 1) // self.strides + 1
            for side in (height, width)
        )
        return (batch, height, width, channels)

    def get_config(self):
        config = {"pool_size": self.pool_size, "strides": self.strides}
        return {**super().get_config(), **config}
