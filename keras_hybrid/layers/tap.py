"""A named place in a model where its features can be read."""

import keras


@keras.saving.register_keras_serializable("keras_hybrid")
class Tap(keras.layers.Layer):
    """The identity. Its name is the name of the feature.

    `models.features` collects the `feature` of every layer that has one.
    """

    @property
    def feature(self):
        """The symbolic output, `(B, H, W, C)`."""
        return self.output

    def call(self, x):
        return x

    def compute_output_shape(self, input_shape):
        return input_shape
