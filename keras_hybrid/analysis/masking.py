"""Overrides ConViT's gates, and masks content or position in a model."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_hybrid.analysis.gates import gpsa_layers
from keras_hybrid.layers import PositionEmbedding

MASKS = ("content", "position", "position_embedding")


@contextlib.contextmanager
def gate_overrides(
    model: keras.Model, values: Mapping[str, float | Sequence[float]]
) -> Iterator[None]:
    """Sets gates within a `with` block and restores them afterwards.

    Args:
        model: A ConViT.
        values: Name of the layer -> gates in [0, 1], one number for all heads or one
            per head.

    Raises:
        ValueError: If a layer is no GPSA layer of the model, or a gate lies outside
            [0, 1].

    Example:
        >>> with gate_overrides(model, {"block1_attention": 1.0}):
        ...     model.evaluate(images, labels)  # the first layer ignores content
    """
    layers = {layer.name: layer for layer in gpsa_layers(model)}
    if unknown := set(values) - set(layers):
        raise ValueError(
            f"{sorted(unknown)[0]!r} is no GPSA layer of {model.name}; its GPSA layers "
            f"are: {', '.join(layers)}."
        )
    wanted = {name: np.asarray(value, "float64") for name, value in values.items()}
    if any(((value < 0) | (value > 1)).any() for value in wanted.values()):
        raise ValueError("Gates must lie in [0, 1].")
    with (
        _restored([layers[name].gate for name in wanted]),
        np.errstate(divide="ignore"),
    ):
        for name, value in wanted.items():
            gate = layers[name].gate
            logit = np.log(value) - np.log1p(-value)  # infinite at 0 and 1
            gate.assign(np.broadcast_to(logit, gate.shape).astype("float32"))
        yield


@contextlib.contextmanager
def masked(model: keras.Model, mask: str, count: int | None = None) -> Iterator[None]:
    """Masks content or position within a `with` block (ConViT, appendix F).

    Args:
        model: A ConViT; for `"position_embedding"` any model with a position embedding.
        mask: `"content"` sets the gates to 1, `"position"` sets them to 0, and
            `"position_embedding"` sets the position embedding to zero.
        count: Number of GPSA layers to mask, from the first; None means all.

    Raises:
        ValueError: If `mask` is unknown, or the model has nothing to mask.
    """
    if mask not in MASKS:
        raise ValueError(f"mask must be one of {MASKS}, not {mask!r}.")
    if mask != "position_embedding":
        gate = 1.0 if mask == "content" else 0.0
        chosen = gpsa_layers(model)[:count]
        with gate_overrides(model, {layer.name: gate for layer in chosen}):
            yield
        return
    tables = [x.table for x in model.layers if isinstance(x, PositionEmbedding)]
    if not tables:
        raise ValueError(f"{model.name} has no position embedding.")
    with _restored(tables):
        for table in tables:
            table.assign(np.zeros(table.shape))
        yield


def masking_effect(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    counts: Sequence[int] | None = None,
    batch_size: int = 64,
) -> list[dict]:
    """How predictions change when layers are masked, for several numbers of layers.

    Args:
        model: A ConViT with its classifier.
        images: `(B, H, W, C)`.
        labels: Class of every image, for the accuracy.
        counts: Numbers of GPSA layers to mask, from the first; None means a third,
            half and all of the layers (the paper: 3, 5 and 10 layers).
        batch_size: Images per batch.

    Returns:
        One row per mask and number of layers: `mask`, `layers`, `agreement` (share of
        images whose predicted class is that of the unmasked model) and, with labels,
        `accuracy`.
    """
    number = len(gpsa_layers(model))
    if counts is None:
        counts = sorted({max(1, number // 3), max(1, number // 2), number})

    def predict() -> np.ndarray:
        return model.predict(images, batch_size, verbose=0).argmax(axis=-1)

    def row(mask: str, count: int, predicted: np.ndarray) -> dict[str, Any]:
        facts: dict[str, Any] = {"mask": mask, "layers": count}
        facts["agreement"] = float((predicted == unmasked).mean())
        if labels is not None:
            facts["accuracy"] = float((predicted == labels).mean())
        return facts

    unmasked = predict()
    rows = [row("none", 0, unmasked)]
    cases = [(mask, count) for mask in MASKS[:2] for count in counts]
    if any(isinstance(x, PositionEmbedding) for x in model.layers):
        cases.append((MASKS[2], 0))
    for mask, count in cases:
        with masked(model, mask, count):
            rows.append(row(mask, count, predict()))
    return rows


@contextlib.contextmanager
def _restored(variables: Sequence[keras.Variable]) -> Iterator[None]:
    before = [np.array(ops.convert_to_numpy(variable)) for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
