"""Whether a network commutes with shifts of the image, stage by stage."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_hybrid.analysis.compute import run
from keras_hybrid.layers import RelativeAttention
from keras_hybrid.models import features, logits


def equivariance_errors(
    model: keras.Model, images: np.ndarray, shifts: Sequence[int] = (32, 16, 8, 4, 2, 1)
) -> list[dict]:
    """How far features of a shifted image are from shifted features.

    Images are rolled: what leaves at one border enters at the other. A stage is
    compared where its stride divides the shift; logits always, as they have no
    places and should not move.

    Args:
        model: A functional model with taps, see `models.features`.
        images: `(B, H, W, C)` of the model's size.
        shifts: Pixels, down and to the right.

    Returns:
        One row a shift and stage: `shift`, `stage`, `stride`, `error` (largest
        difference over the standard deviation of the features) and `rms` (root mean
        square difference over the same).
    """
    outputs = dict(features(model).output)
    if any(layer.name == "head" for layer in model.layers):
        outputs["logits"] = logits(model).output
    read = keras.Model(model.input, outputs)
    still, rows = run(read, images), []
    for shift in shifts:
        moved = run(read, np.roll(images, (shift, shift), axis=(1, 2)))
        for name in outputs:
            before = still[name]
            stride = images.shape[1] // before.shape[1] if before.ndim == 4 else 0
            if stride:
                if shift % stride:
                    continue
                places = (shift // stride,) * 2
                before = np.roll(before, places, axis=(1, 2))
            difference = (moved[name] - before).astype("float64") / before.std()
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


def periodic_twin(model: keras.Model) -> keras.Model:
    """The same CoAtNet or Astroformer on a torus, with the model's weights.

    Convolutions and pools take the opposite border's pixels, and the position bias
    counts offsets modulo the map, for which it keeps those rows of its table that
    belong to the shorter ways.

    Raises:
        ValueError: If the model has no position bias by a table that is not
            periodic yet.
    """
    relative = [x for x in model.layers if isinstance(x, RelativeAttention)]
    if not relative or any(x.periodic or x.table is None for x in relative):
        raise ValueError(
            f"{model.name}: only a model with a plain relative position table has a "
            "periodic twin."
        )

    def clone(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if "padding_mode" in config:
            config["padding_mode"] = "circular"
        if isinstance(layer, RelativeAttention):
            config["periodic"] = True
        return type(layer).from_config(config)

    twin = keras.models.clone_model(model, clone_function=clone)
    for layer in twin.layers:
        weights = model.get_layer(layer.name).get_weights()
        if isinstance(layer, RelativeAttention):
            shape = tuple(layer.table.shape)
            place = [w.shape for w in layer.get_weights()].index(shape)
            for axis, side in enumerate(shape[:2]):
                weights[place] = weights[place].take(_shorter_ways(side), axis)
        layer.set_weights(weights)
    return twin


def _shorter_ways(side: int) -> list[int]:
    """Row of the plain table for each offset modulo the side."""
    return [d + side - 1 if 2 * d <= side else d - 1 for d in range(side)]
