"""The pyramid of CvT, which ATC shares: three stages of attention over maps."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol, TypeVar

from keras import layers

from keras_hybrid.layers import (
    ClassToken,
    ConvEmbedding,
    ConvProjection,
    DotProductAttention,
    FeatureOutput,
    ResidualEmbedding,
    SeparableUnit,
    SplitClassToken,
    activations,
    drop_path_schedule,
)
from keras_hybrid.layers.conv_projection import METHODS
from keras_hybrid.layers.factories import dense, layer_norm
from keras_hybrid.models.blocks import mlp, position_embedding, residual
from keras_hybrid.models.config import check_choice
from keras_hybrid.utils.typing import Tensor

T = TypeVar("T")
ACTIVATIONS = ("quick_gelu", "gelu", "relu")


@dataclasses.dataclass(frozen=True)
class Block:
    """What may differ between the blocks of a stage."""

    mlp_ratio: float  # hidden width of the MLP over the width
    key_value_stride: int


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage of the pyramid. CvT and ATC are both tables of these."""

    width: int
    heads: int
    kernel: int  # of the token embedding, as stride and padding
    stride: int
    padding: int
    blocks: tuple[Block, ...]
    activation: str
    projection: str = "conv"  # of queries, keys, values: conv | avg | linear
    embedding: str = "conv"  # of tokens: conv | residual
    attention_output: str = "linear"  # linear | residual
    feed_forward: str = "linear"  # linear | residual
    residual_kernel: int = 3
    inner_skip: bool = True
    convolution_first: bool = False  # the residual unit before attention, not after
    class_token: bool = False
    position_embedding: bool = False
    drop_path_rate: float = 0.0


class PyramidConfig(Protocol):
    """The configuration of a family that is a pyramid."""

    def stages(self) -> list[Stage]:
        """The stages, first to last."""
        ...


def of_stage(
    value: float | Sequence[float | Sequence[float]], stage: int
) -> float | Sequence[float]:
    """The value of one stage, where one value may serve all of them."""
    return value[stage] if isinstance(value, Sequence) else value


def blocks(
    depth: int,
    mlp_ratio: float | Sequence[float],
    key_value_stride: int | Sequence[int],
) -> tuple[Block, ...]:
    """The blocks of a stage; a value may be given once, or once per block.

    Raises:
        ValueError: If a sequence has not one value per block.
    """
    ratios = _per_block("mlp_ratio", mlp_ratio, depth)
    strides = _per_block("key_value_stride", key_value_stride, depth)
    return tuple(map(Block, ratios, strides))


def _per_block(name: str, value: T | Sequence[T], depth: int) -> Sequence[T]:
    values = value if isinstance(value, Sequence) else [value] * depth
    if len(values) != depth:
        raise ValueError(
            f"{name} takes one value or {depth}, one per block: {value!r}."
        )
    return values


def network(x: Tensor, config: PyramidConfig) -> tuple[Tensor, Tensor]:
    """Stages, then the class token (or the mean of the last map), normalized."""
    token = None
    for number, stage in enumerate(config.stages(), start=1):
        x, token = _stage(x, stage, f"stage{number}")
    if token is not None:
        return x, layer_norm("norm")(token)
    vector = layers.GlobalAveragePooling2D("channels_last", name="mean")
    return x, vector(layer_norm("norm")(x))


def _stage(x: Tensor, stage: Stage, name: str) -> tuple[Tensor, Tensor | None]:
    """An image or map -> the stage's map, and its class token if it has one."""
    check_choice("activation", stage.activation, ACTIVATIONS)
    check_choice("projections", stage.projection, METHODS)
    x = grid = _embedding(x, stage, f"{name}_embedding")
    if stage.class_token:
        x = ClassToken(name=f"{name}_class_token")(x)
    if stage.position_embedding:
        x = position_embedding(x, grid, f"{name}_position", stage.class_token)
    token_grid = grid if stage.class_token else None
    rates = drop_path_schedule(stage.drop_path_rate, len(stage.blocks))
    numbered = enumerate(zip(stage.blocks, rates, strict=True), start=1)
    for number, (block, rate) in numbered:
        x = _block(x, token_grid, stage, block, rate, name=f"{name}_block{number}")
    if stage.class_token:
        token, x = SplitClassToken(name=name)(x, token_grid)
        return x, token
    return FeatureOutput(name=name)(x), None


def _embedding(x: Tensor, stage: Stage, name: str) -> Tensor:
    check_choice("embedding", stage.embedding, ("conv", "residual"))
    if stage.embedding == "residual":
        return ResidualEmbedding(stage.width, stage.stride, name=name)(x)
    embedding = ConvEmbedding(
        stage.width, stage.kernel, stage.stride, stage.padding, name=name
    )
    return embedding(x)


def _block(
    x: Tensor, grid: Tensor | None, stage: Stage, block: Block, rate: float, name: str
) -> Tensor:
    """x + attention(norm(x)), then x + feed-forward(norm(x))."""
    y = layer_norm(f"{name}_attention_norm")(x)
    y = _attention(y, grid, stage, block.key_value_stride, f"{name}_attention")
    x = residual(x, y, rate, f"{name}_attention")
    y = layer_norm(f"{name}_mlp_norm")(x)
    y = _feed_forward(y, stage, block.mlp_ratio, f"{name}_mlp")
    return residual(x, y, rate, f"{name}_mlp")


def _attention(
    x: Tensor, grid: Tensor | None, stage: Stage, key_value_stride: int, name: str
) -> Tensor:
    check_choice("attention_output", stage.attention_output, ("linear", "residual"))
    convolves = stage.attention_output == "residual"
    if convolves and stage.convolution_first:
        x = _residual_unit(x, stage, f"{name}_input")

    def project(role: str, stride: int) -> Tensor:
        method = stage.projection
        if method == "avg" and role == "query":
            method = "linear"
        stride = 1 if method == "linear" else stride
        layer = ConvProjection(
            stage.width, strides=stride, method=method, name=f"{name}_{role}"
        )
        return layer(x) if grid is None else layer(x, grid=grid)

    query = project("query", 1)
    key = project("key", key_value_stride)
    value = project("value", key_value_stride)
    core = DotProductAttention(stage.heads, scale=stage.width**-0.5, name=name)
    y = core(query, key, value)
    if not convolves:
        return dense(stage.width, f"{name}_output")(y)
    return y if stage.convolution_first else _residual_unit(y, stage, f"{name}_output")


def _residual_unit(x: Tensor, stage: Stage, name: str) -> Tensor:
    """ATC's convolution over the output of attention, with a skip around it."""
    y = SeparableUnit(stage.width, stage.residual_kernel, name=name)(x)
    return layers.Add(name=f"{name}_add")([x, y]) if stage.inner_skip else y


def _feed_forward(x: Tensor, stage: Stage, mlp_ratio: float, name: str) -> Tensor:
    check_choice("feed_forward", stage.feed_forward, ("linear", "residual"))
    if stage.feed_forward == "linear":
        return mlp(x, int(stage.width * mlp_ratio), stage.activation, name)
    width, kernel = stage.width, stage.residual_kernel
    x = SeparableUnit(width, kernel, name=f"{name}_unit1")(x)
    activation = activations.get(stage.activation)
    x = layers.Activation(activation, name=f"{name}_activation")(x)
    return SeparableUnit(width, kernel, name=f"{name}_unit2")(x)
