"""The first convolution of a checkpoint for images with another number of channels."""

import numpy as np


def fit_input_channels(kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The kernel of a first convolution for another number of input channels.

    This is timm's rule. One channel gets the sum over the kernel's channels. Another
    number of channels repeats the kernel's in turn, scaled by `channels / shape[2]`.

    Args:
        kernel: `(height, width, channels, filters)`.
        shape: The shape that it has to get.

    Returns:
        The kernel in that shape; unchanged if anything but the channels differs.
    """
    channels, wanted = kernel.shape[2], shape[2]
    if channels == wanted or (*kernel.shape[:2], kernel.shape[3]) != (
        *shape[:2],
        shape[3],
    ):
        return kernel
    if wanted == 1:
        return kernel.sum(2, keepdims=True)
    repeats = -(-wanted // channels)
    repeated = np.tile(kernel, (1, 1, repeats, 1))[:, :, :wanted]
    return repeated * (channels / wanted)
