"""ConViT's gates and attention centres: reading them, and overruling them."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_hybrid.layers import GatedPositionalAttention, PositionEmbedding

MASKS = ("content", "position", "position_embedding")


@dataclasses.dataclass(frozen=True)
class Centres:
    """Where the heads of a GPSA layer look by place, one value a head.

    Attributes:
        strength: How steeply attention falls with the squared distance, in
            patches, from the centre.
        dx, dy: The centre, in patches to the right of the query and below it. NaN
            where the strength is not positive: such a head has none.
    """

    strength: np.ndarray
    dx: np.ndarray
    dy: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """How far the centre is from the query, in patches."""
        return np.hypot(self.dx, self.dy)


def gpsa_layers(model: keras.Model) -> list[GatedPositionalAttention]:
    """The GPSA layers of a model, in its order.

    Raises:
        ValueError: If it has none.
    """
    found = [x for x in model.layers if isinstance(x, GatedPositionalAttention)]
    if not found:
        raise ValueError(f"{model.name} has no GPSA layer.")
    return found


def gates(model: keras.Model) -> dict[str, np.ndarray]:
    """Layer -> gates after their sigmoid, `(heads,)`; 1 attends by place alone."""
    return {
        layer.name: ops.convert_to_numpy(ops.sigmoid(layer.gate))
        for layer in gpsa_layers(model)
    }


def attention_centres(model: keras.Model) -> dict[str, Centres]:
    """Layer -> where its heads look by place.

    Scores `w_x dx + w_y dy + w_d d^2` are `-s |delta - centre|^2` up to a constant,
    with strength `s = -w_d` and centre `(w_x, w_y) / 2s`.
    """
    found = {}
    for layer in gpsa_layers(model):
        w_x, w_y, w_d = ops.convert_to_numpy(layer.position_kernel).astype("float64")
        strength = np.where(w_d < 0, -w_d, np.nan)
        dx, dy = w_x / (2 * strength), w_y / (2 * strength)
        found[layer.name] = Centres(-w_d, dx, dy)
    return found


@contextlib.contextmanager
def gate_overrides(
    model: keras.Model, values: Mapping[str, float | Sequence[float]]
) -> Iterator[None]:
    """Sets gates for a while.

    Args:
        model: A ConViT.
        values: Layer -> gate in [0, 1], one for all heads or one a head.

    Raises:
        ValueError: If a layer is no GPSA layer of the model, or a value no gate.

    Example:
        >>> with gate_overrides(model, {"block1_attention": 1.0}):
        ...     model.evaluate(images, labels)  # the first layer ignores content
    """
    layers = {layer.name: layer for layer in gpsa_layers(model)}
    if unknown := set(values) - set(layers):
        raise ValueError(
            f"{sorted(unknown)[0]!r} is no GPSA layer of {model.name}; those are: "
            f"{', '.join(layers)}."
        )
    wanted = {name: np.asarray(value, "float64") for name, value in values.items()}
    if any(((value < 0) | (value > 1)).any() for value in wanted.values()):
        raise ValueError("Gates are in [0, 1].")
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
    """Takes content or position from a model for a while (ConViT, appendix F).

    Args:
        model: A ConViT; for `"position_embedding"` any model that has one.
        mask: `"content"` sets gates to 1, `"position"` to 0, `"position_embedding"`
            sets that table to zero.
        count: In how many GPSA layers, from the first; None means all.

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
    """What masking does to a model's answers, for growing numbers of layers.

    Args:
        model: A ConViT with its classifier.
        images: `(B, H, W, C)`.
        labels: Class of every image, for the accuracy.
        counts: Numbers of GPSA layers to mask, from the first; None means a third,
            half and all of them (the paper: 3, 5 and 10).
        batch_size: Images at a time.

    Returns:
        One row a mask: `mask`, `layers`, `agreement` (share of images with the
        unmasked model's class) and, with labels, `accuracy`.
    """
    number = len(gpsa_layers(model))
    if counts is None:
        counts = sorted({max(1, number // 3), max(1, number // 2), number})

    def answers() -> np.ndarray:
        return model.predict(images, batch_size, verbose=0).argmax(axis=-1)

    def row(mask: str, count: int, found: np.ndarray) -> dict[str, Any]:
        facts: dict[str, Any] = {"mask": mask, "layers": count}
        facts["agreement"] = float((found == whole).mean())
        if labels is not None:
            facts["accuracy"] = float((found == labels).mean())
        return facts

    whole = answers()
    rows = [row("none", 0, whole)]
    cases = [(mask, count) for mask in MASKS[:2] for count in counts]
    if any(isinstance(x, PositionEmbedding) for x in model.layers):
        cases.append((MASKS[2], 0))
    for mask, count in cases:
        with masked(model, mask, count):
            rows.append(row(mask, count, answers()))
    return rows


@contextlib.contextmanager
def _restored(variables: Sequence[keras.Variable]) -> Iterator[None]:
    before = [np.array(ops.convert_to_numpy(variable)) for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
