"""Translation equivariance: whether features shift with the image, per stage."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_hybrid.analysis.compute import run
from keras_hybrid.layers import RelativeAttention
from keras_hybrid.models import features, logits


def equivariance_errors(
    model: keras.Model, images: np.ndarray, shifts: Sequence[int] = (32, 16, 8, 4, 2, 1)
) -> list[dict]:
    """The difference between features of shifted images and shifted features.

    Images are rolled: pixels that leave at one border enter at the opposite border. A
    stage is compared if its stride divides the shift. Logits have no positions, so they
    are always compared and should not change.

    Args:
        model: A functional model with features, see `models.features`.
        images: `(B, H, W, C)` of the model's input size.
        shifts: Shifts down and to the right, in pixels.

    Returns:
        One row per shift and stage: `shift`, `stage`, `stride`, `error` (the largest
        difference, divided by the standard deviation of the features) and `rms` (the
        root mean square difference, divided by the same).
    """
    outputs = dict(features(model).output)
    if any(layer.name == "head" for layer in model.layers):
        outputs["logits"] = logits(model).output
    reader = keras.Model(model.input, outputs)
    original, rows = run(reader, images), []
    for shift in shifts:
        shifted = run(reader, np.roll(images, (shift, shift), axis=(1, 2)))
        for name in outputs:
            expected = original[name]
            is_map = expected.ndim == 4
            stride = images.shape[1] // expected.shape[1] if is_map else 0
            if stride:
                if shift % stride:
                    continue
                positions = (shift // stride,) * 2
                expected = np.roll(expected, positions, axis=(1, 2))
            difference = (shifted[name] - expected).astype("float64")
            difference /= expected.std()
            rows.append(
                {
                    "shift": shift,
                    "stage": name,
                    "stride": stride,
                    "error": float(np.abs(difference).max()),
                    "rms": float(np.sqrt((difference**2).mean())),
                }
            )
    return rows


def periodic_copy(model: keras.Model) -> keras.Model:
    """A CoAtNet or Astroformer with circular padding and the same weights.

    Convolutions and pooling pad with the pixels of the opposite border. The relative
    position bias counts offsets modulo the size of the feature map; of its table it
    keeps the entries of the shorter offsets.

    Raises:
        ValueError: If the model has no relative position table, or it is periodic
            already.
    """
    relative = [x for x in model.layers if isinstance(x, RelativeAttention)]
    if not relative or any(x.periodic or x.table is None for x in relative):
        raise ValueError(
            f"{model.name} has no relative position table that could be made periodic."
        )

    def clone(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if "padding_mode" in config:
            config["padding_mode"] = "circular"
        if isinstance(layer, RelativeAttention):
            config["periodic"] = True
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone)
    for layer in copy.layers:
        weights = model.get_layer(layer.name).get_weights()
        if isinstance(layer, RelativeAttention):
            table = layer.table
            assert table is not None  # this attention's bias is a table
            shape = tuple(table.shape)
            index = [w.shape for w in layer.get_weights()].index(shape)
            for axis, side in enumerate(shape[:2]):
                weights[index] = weights[index].take(_shorter_offsets(side), axis)
        layer.set_weights(weights)
    return copy


def _shorter_offsets(side: int) -> list[int]:
    """Row of the full table for each offset modulo the side."""
    return [d + side - 1 if 2 * d <= side else d - 1 for d in range(side)]
