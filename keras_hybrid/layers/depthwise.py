"""Depthwise convolution with symmetric padding, in the form a backend runs fastest."""

import contextlib
import math
from collections.abc import Iterator

import keras
from keras import ops

from keras_hybrid.layers.backend import jax_on_cpu
from keras_hybrid.layers.convolution import PaddedConvolution
from keras_hybrid.layers.override_attributes import override_attributes
from keras_hybrid.layers.taps import back_to_input, taps

FORMS = ("auto", "native", "shifted")


@keras.saving.register_keras_serializable("keras_hybrid")
class PaddedDepthwiseConv2D(PaddedConvolution):
    """Depthwise 2D convolution with symmetric padding, in two equal forms.

    `"native"` is the backend's own operation; `"shifted"` writes the same sum as
    `kernel_size ** 2` shifted multiply-adds, which XLA fuses into one loop. On a
    CPU XLA runs the second several times faster; without XLA, and in exported
    files, the first is the fast one. The weights are the same for both.

    Args:
        kernel_size: Side of the square kernel, in pixels.
        strides: Stride along both axes.
        padding: Pixels added on each side; None means `kernel_size // 2`.
        use_bias: Whether to add a bias per channel.
        padding_mode: `"zeros"`, or `"circular"` for the opposite border's pixels.
        kernel_initializer: None means U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
        form: `"auto"` (shifted on JAX's CPU backend, native elsewhere),
            `"native"` or `"shifted"`; see also `depthwise_form`.

    Input shape: `(B, H, W, C)`. Output shape: `(B, H', W', C)`.
    """

    def __init__(
        self,
        kernel_size,
        strides=1,
        padding=None,
        use_bias=True,
        form="auto",
        **kwargs,
    ):
        super().__init__(kernel_size, strides, padding, use_bias, **kwargs)
        if form not in FORMS:
            raise ValueError(f"form must be one of {FORMS}, not {form!r}.")
        self.form = form

    def build(self, input_shape):
        size, channels = self.kernel_size, input_shape[-1]
        self._add_weights((size, size, channels, 1), size * size, channels)

    def call(self, x):
        x = self._pad(x)
        shifted = jax_on_cpu() if self.form == "auto" else self.form == "shifted"
        x = self._shifted(x) if shifted else self._native(x)
        return x if self.bias is None else x + self.bias

    def _native(self, x):
        return ops.depthwise_conv(
            x,
            self.kernel,
            strides=self.strides,
            padding="valid",
            data_format="channels_last",
        )

    def _shifted(self, x):
        return shifted(x, ops.cast(self.kernel, x.dtype), self.strides)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        size = self._output_size
        return (batch, size(height), size(width), channels)

    def macs(self, input_shape):
        outputs = math.prod(self.compute_output_shape(input_shape)[1:])
        return outputs * self.kernel_size**2

    def get_config(self):
        return {**super().get_config(), "form": self.form}


def shifted(x, kernel, stride: int):
    """The depthwise convolution, and its gradients, as sums of shifted products.

    Args:
        x: `(B, H, W, C)`, padded already.
        kernel: `(size, size, C, 1)`.
        stride: Along both axes.
    """
    size = kernel.shape[0]

    @ops.custom_gradient
    def apply(x, kernel):
        def gradients(*arguments, upstream=None):
            upstream = arguments[0] if upstream is None else upstream

            def weigh(i, j, change):
                return change * kernel[i, j, :, 0]

            sides = ops.shape(x)[1:3]
            back = back_to_input(weigh, [upstream], size, stride, *sides)
            return back, _kernel_gradient(x, upstream, kernel, stride)

        seen = taps(x, size, stride).items()
        return sum(tap * kernel[i, j, :, 0] for (i, j), tap in seen), gradients

    return apply(x, kernel)


def _kernel_gradient(x, upstream, kernel, stride: int):
    """What flows back to the kernel, summed image by image.

    XLA sums a product over a whole batch of maps one channel after the other, which
    takes a CPU ten times as long as adding up images and summing over places last.
    """
    size = kernel.shape[0]
    precision = keras.backend.result_type(x.dtype, "float32")

    def add(sums, pair):
        image, change = (ops.cast(value, precision) for value in pair)
        seen = taps(image, size, stride).values()  # (H', W', C) each
        return [
            total + tap * change for total, tap in zip(sums, seen, strict=True)
        ], None

    start = [ops.zeros(ops.shape(upstream)[1:], precision)] * size**2
    sums, _ = ops.scan(add, start, (x, upstream))
    sums = ops.stack([ops.sum(total, axis=(0, 1)) for total in sums])
    return ops.cast(ops.reshape(sums, kernel.shape), kernel.dtype)


@contextlib.contextmanager
def depthwise_form(model: keras.Model, form: str) -> Iterator[None]:
    """Sets the form of every depthwise convolution of a model, for a while.

    What is compiled meanwhile keeps it. Training on TensorFlow with
    `jit_compile=True` on a CPU wants `"shifted"`, which "auto" cannot know.

    Args:
        model: A model of this package.
        form: `"auto"`, `"native"` or `"shifted"`.
    """
    with override_attributes(model, PaddedDepthwiseConv2D, form=form):
        yield
