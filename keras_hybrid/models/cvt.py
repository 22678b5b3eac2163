"""CvT: Introducing Convolutions to Vision Transformers (Wu et al., ICCV 2021).

arXiv:2103.15808. Three stages; each begins with a convolutional token embedding
(section 3.1) and repeats pre-norm transformer blocks whose queries, keys and
values come from a convolutional projection (section 3.2). A class token joins in
the last stage. There is no position embedding (section 4.4).

Where the released code and the paper differ, this follows the code, as the
published weights do:

- the activation is QuickGELU (the transformers library runs the same weights with
  exact GELU: `activation="gelu"`);
- attention is scaled by `width ** -0.5`, not by the head's width;
- stochastic depth acts in the last stage only, growing from 0.

The initial weights are the released code's: N(0, 0.02) for linear maps and tokens,
uniform for convolutions. Only the head's bias starts from 0 instead of uniform.
"""

import dataclasses

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
from keras_hybrid.models.config import check_choice, check_per_stage, option
from keras_hybrid.models.registry import Family, family_builder, variant

ACTIVATIONS = ("quick_gelu", "gelu", "relu")


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage of the pyramid. CvT and ATC are both tables of these."""

    depth: int
    width: int
    heads: int
    kernel: int
    stride: int
    padding: int
    key_value_stride: int
    mlp_ratio: float
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


@dataclasses.dataclass(frozen=True)
class CvTConfig:
    """Hyper-parameters of CvT, one value a stage where it is a tuple."""

    depths: tuple = option((1, 2, 10), "Blocks of each stage.")
    widths: tuple = option((64, 192, 384), "Channels of each stage.")
    heads: tuple = option((1, 3, 6), "Attention heads of each stage.")
    kernels: tuple = option((7, 3, 3), "Kernel of each token embedding, in pixels.")
    strides: tuple = option((4, 2, 2), "Stride of each token embedding.")
    paddings: tuple = option((2, 1, 1), "Zeros around each token embedding's input.")
    key_value_strides: tuple = option((2, 2, 2), "Stride of keys and values.")
    projections: tuple = option(
        ("conv",) * 3, "Projection of each stage: 'conv', 'avg' or 'linear'."
    )
    position_embedding: tuple = option(
        (False,) * 3, "Stages with a learned position embedding (Table 5)."
    )
    class_token: bool = option(True, "Class token in the last stage, else the mean.")
    mlp_ratio: float = option(4, "Hidden width of the MLP over the stage's width.")
    activation: str = option("quick_gelu", "'quick_gelu', 'gelu' or 'relu'.")
    drop_path_rate: float = option(0.1, "Stochastic depth of the last block.")

    def stages(self) -> list[Stage]:
        """The pyramid; raises ValueError for a setting that makes none."""
        per_stage = (
            "depths",
            "widths",
            "heads",
            "kernels",
            "strides",
            "paddings",
            "key_value_strides",
            "projections",
            "position_embedding",
        )
        check_per_stage(self, per_stage, stages=3)
        return [
            Stage(
                *(getattr(self, name)[i] for name in per_stage[:7]),
                mlp_ratio=self.mlp_ratio,
                activation=self.activation,
                projection=self.projections[i],
                position_embedding=self.position_embedding[i],
                class_token=self.class_token and last,
                drop_path_rate=self.drop_path_rate if last else 0.0,
            )
            for i, last in enumerate((False, False, True))
        ]


def network(x, config):
    """Stages, then the class token (or the mean of the last map), normalised."""
    token = None
    for number, stage in enumerate(config.stages(), start=1):
        x, token = _stage(x, stage, f"stage{number}")
    if token is not None:
        return x, layer_norm("norm")(token)
    vector = layers.GlobalAveragePooling2D("channels_last", name="mean")
    return x, vector(layer_norm("norm")(x))


def _stage(x, stage: Stage, name: str):
    """An image or map -> the stage's map, and its class token if it has one."""
    check_choice("activation", stage.activation, ACTIVATIONS)
    check_choice("projections", stage.projection, METHODS)
    x = grid = _embedding(x, stage, f"{name}_embedding")
    if stage.class_token:
        x = ClassToken(name=f"{name}_class_token")(x)
    if stage.position_embedding:
        x = position_embedding(x, grid, f"{name}_position")
    grid = grid if stage.class_token else None
    rates = drop_path_schedule(stage.drop_path_rate, stage.depth)
    for number, rate in enumerate(rates, start=1):
        x = _block(x, grid, stage, rate, f"{name}_block{number}")
    if stage.class_token:
        token, x = SplitClassToken(name=name)(x, grid)
        return x, token
    return FeatureOutput(name=name)(x), None


def _embedding(x, stage: Stage, name: str):
    check_choice("embedding", stage.embedding, ("conv", "residual"))
    if stage.embedding == "residual":
        return ResidualEmbedding(stage.width, stage.stride, name=name)(x)
    return ConvEmbedding(
        stage.width, stage.kernel, stage.stride, stage.padding, name=name
    )(x)


def _block(x, grid, stage: Stage, rate: float, name: str):
    """x + attention(norm(x)), then x + feed-forward(norm(x))."""
    y = layer_norm(f"{name}_attention_norm")(x)
    y = _attention(y, grid, stage, f"{name}_attention")
    x = residual(x, y, rate, f"{name}_attention")
    y = layer_norm(f"{name}_mlp_norm")(x)
    y = _feed_forward(y, stage, f"{name}_mlp")
    return residual(x, y, rate, f"{name}_mlp")


def _attention(x, grid, stage: Stage, name: str):
    check_choice("attention_output", stage.attention_output, ("linear", "residual"))
    convolves = stage.attention_output == "residual"
    if convolves and stage.convolution_first:
        x = _residual_unit(x, stage, f"{name}_input")

    def project(role, stride):
        method = stage.projection
        if method == "avg" and role == "query":
            method = "linear"
        stride = 1 if method == "linear" else stride
        layer = ConvProjection(
            stage.width, strides=stride, method=method, name=f"{name}_{role}"
        )
        return layer(x) if grid is None else layer(x, grid=grid)

    query = project("query", 1)
    key = project("key", stage.key_value_stride)
    value = project("value", stage.key_value_stride)
    core = DotProductAttention(stage.heads, scale=stage.width**-0.5, name=name)
    y = core(query, key, value)
    if not convolves:
        return dense(stage.width, f"{name}_output")(y)
    return y if stage.convolution_first else _residual_unit(y, stage, f"{name}_output")


def _residual_unit(x, stage: Stage, name: str):
    """ATC's convolution over what attention gathered, with a skip around it."""
    y = SeparableUnit(stage.width, stage.residual_kernel, name=name)(x)
    return layers.Add(name=f"{name}_add")([x, y]) if stage.inner_skip else y


def _feed_forward(x, stage: Stage, name: str):
    check_choice("feed_forward", stage.feed_forward, ("linear", "residual"))
    if stage.feed_forward == "linear":
        return mlp(x, int(stage.width * stage.mlp_ratio), stage.activation, name)
    width, kernel = stage.width, stage.residual_kernel
    x = SeparableUnit(width, kernel, name=f"{name}_unit1")(x)
    activation = activations.get(stage.activation)
    x = layers.Activation(activation, name=f"{name}_activation")(x)
    return SeparableUnit(width, kernel, name=f"{name}_unit2")(x)


FAMILY = Family(
    name="CvT",
    network=network,
    config=CvTConfig,
    input_shape=(224, 224, 3),
    classes=1000,
    paper="Wu et al. 2021, arXiv:2103.15808.",
)

CvT = family_builder(FAMILY)
CvT13 = variant(FAMILY, "CvT13", 19_997_480, 4_585_000_000, "ImageNet top-1 81.6 %.")
CvT21 = variant(
    FAMILY,
    "CvT21",
    31_622_696,
    7_206_000_000,
    "ImageNet top-1 82.5 %.",
    depths=(1, 4, 16),
)
CvTW24 = variant(
    FAMILY,
    "CvTW24",
    277_196_392,
    61_010_000_000,
    "ImageNet-22k, then ImageNet at 384 px: top-1 87.7 %.",
    depths=(2, 2, 20),
    widths=(192, 768, 1024),
    heads=(3, 12, 16),
    drop_path_rate=0.3,
)
