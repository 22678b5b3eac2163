"""CoAtNet: Marrying Convolution and Attention (Dai et al. 2021), and Astroformer.

CoAtNet is arXiv:2106.04803, Astroformer (Dagli 2023) arXiv:2304.05350. Both are a
convolutional stem and four stages of one kind of block each: C, the inverted
bottleneck MBConv, or T, attention with a relative position bias and an MLP, both
pre-norm. CoAtNet's stages are CCTT; Astroformer is the same network with CCCT. Any
other string of C and T is a network, too.

Where the papers and the published code (timm's, of which Astroformer's is a copy)
differ, this follows the code:

- the first MBConv of a stage strides in its depthwise convolution, not in its 1x1,
  and its shortcut takes a mean, not a maximum;
- a hidden layer with tanh precedes the classifier;
- Astroformer's relative attention is CoAtNet's: the bias is added before the
  softmax (`bias_position="after"` is the other form that the paper prints).

The variants with public weights are in `coatnet_rw`: their differences are fields.

Height and width are fixed at build and multiples of the total stride, 32. On images
of 32 pixels that leaves a single position in the last stage, whose attention then
does nothing: give `stem_stride=1, strides=(1, 2, 2, 2)` for maps of 32, 16, 8 and 4.

`periodic=True` makes the network commute with shifts of the image around its
borders by multiples of the total stride: padding takes the opposite border's
pixels, and offsets count modulo the map. The published networks, with zeros around
the image and a finite attention window, do not.

The initial weights are the published code's, but for the classifier's, which start
as everywhere in this package.
"""

import dataclasses
import math
from typing import Any

import keras
from keras import layers

from keras_hybrid.layers import (
    FeatureOutput,
    LayerScale,
    MBConv,
    PaddedConv2D,
    PaddedMaxPool2D,
    RelativeAttention,
    activations,
    drop_path_schedule,
)
from keras_hybrid.layers.factories import batch_norm, dense, fan_out_normal, layer_norm
from keras_hybrid.models.blocks import mlp, residual
from keras_hybrid.models.config import check_choice, check_per_stage, option
from keras_hybrid.models.registry import Builder, Family, family_builder, variant
from keras_hybrid.utils.typing import Tensor


@dataclasses.dataclass(frozen=True)
class CoAtNetConfig:
    """Hyper-parameters of CoAtNet, one value per stage where it is a tuple."""

    block_types: str = option("CCTT", "Blocks of each stage: C (MBConv) or T.")
    depths: tuple[int, ...] = option((2, 3, 5, 2), "Blocks of each stage.")
    widths: tuple[int, ...] = option((96, 192, 384, 768), "Channels of each stage.")
    strides: tuple[int, ...] = option((2, 2, 2, 2), "Stride of a stage's first block.")
    stem_widths: tuple[int, ...] = option((64, 64), "Channels of the stem's two convs.")
    stem_stride: int = option(2, "Stride of the stem.")
    head_width: int = option(32, "Channels of an attention head.")
    expand_ratio: float = option(4, "Inner width of MBConv and MLP over the outer.")
    expand_first: bool = option(
        True, "Whether a stage's channels grow at the beginning of its first block."
    )
    squeeze_ratio: float = option(
        0.25,
        "Width inside MBConv's gate, over the block's inner (expand_first: outer).",
    )
    squeeze_early: bool = option(False, "MBConv's gate before its second norm.")
    squeeze_activation: str = option("silu", "Activation inside MBConv's gate.")
    activation: str = option("gelu", "Activation of the stem and MBConv.")
    norm_activation: bool = option(False, "Activation after MBConv's first norm.")
    stride_by: str = option("conv", "MBConv strides by its 'conv' or a 'pool' before.")
    pool: str = option("avg", "Pooling of shortcuts and T blocks: 'avg' or 'max'.")
    conv_bias: bool = option(True, "Bias of MBConv's last 1x1 and of its shortcut.")
    shortcut_bias: bool = option(True, "Bias of the shortcut of T blocks.")
    norm: str = option("layer", "Norm of T blocks and the head: 'layer' or 'batch'.")
    layer_scale: float = option(0.0, "Start of LayerScale in T blocks; 0 for none.")
    bias_source: str = option("table", "Relative position bias: 'table' or 'mlp'.")
    bias_mlp_width: int = option(512, "Hidden width of that MLP.")
    bias_position: str = option("before", "Bias 'before' or 'after' the softmax.")
    periodic: bool = option(False, "Circular padding and periodic position bias.")
    head_hidden: int = option(768, "Width of the head's hidden layer; 0 for none.")
    drop_path_rate: float = option(0.0, "Stochastic depth of the last block.")

    def __post_init__(self) -> None:
        check_per_stage(self, ("block_types", "depths", "widths", "strides"), stages=4)
        for block_type in self.block_types:
            check_choice("block_types", block_type, ("C", "T"))
        check_choice("pool", self.pool, ("avg", "max"))
        check_choice("norm", self.norm, ("layer", "batch"))

    @property
    def total_stride(self) -> int:
        """Pixels between two positions of the last map."""
        return self.stem_stride * math.prod(self.strides)

    @property
    def padding_mode(self) -> str:
        """How maps are padded, see `ops.pad_map`."""
        return "circular" if self.periodic else "zeros"


@dataclasses.dataclass(frozen=True)
class AstroformerConfig(CoAtNetConfig):
    """Hyper-parameters of Astroformer: CoAtNet's with other stages."""

    block_types: str = option("CCCT", "Blocks of each stage: C (MBConv) or T.")


def network(x: Tensor, config: CoAtNetConfig) -> tuple[Tensor, Tensor]:
    """Stem and stages, then the mean of the last map, normalised."""
    _check_size(x.shape[1:3], config)
    x = _stem(x, config)
    rates = iter(drop_path_schedule(config.drop_path_rate, sum(config.depths)))
    for i, block_type in enumerate(config.block_types):
        block = _conv_block if block_type == "C" else _transformer_block
        for b in range(config.depths[i]):
            strides = 1 if b else config.strides[i]
            name = f"stage{i + 1}_block{b + 1}"
            x = block(x, config.widths[i], strides, next(rates), config, name)
        x = FeatureOutput(name=f"stage{i + 1}")(x)
    return x, _vector(x, config)


def _check_size(size: tuple[int | None, int | None], config: CoAtNetConfig) -> None:
    step = config.total_stride
    sides = [side for side in size if side is not None]
    if len(sides) < 2 and "T" in config.block_types:
        raise ValueError(
            "A relative position bias needs a fixed input_shape, its height and width "
            f"multiples of {step}, not {tuple(size)}."
        )
    if any(side < step or side % step for side in sides):
        raise ValueError(
            f"An image of {size[0]}x{size[1]} does not fit a total stride of {step} "
            f"(stem_stride={config.stem_stride}, strides={config.strides}): height "
            f"and width must be multiples of {step}."
        )


def _stem(x: Tensor, config: CoAtNetConfig) -> Tensor:
    start = {
        "use_bias": False,
        "padding_mode": config.padding_mode,
        "kernel_initializer": fan_out_normal(),
    }
    first, second = config.stem_widths
    x = PaddedConv2D(first, 3, config.stem_stride, name="stem_conv1", **start)(x)
    x = batch_norm("stem_norm")(x)
    x = layers.Activation(activations.get(config.activation), name="stem_activation")(x)
    x = PaddedConv2D(second, 3, name="stem_conv2", **start)(x)
    return FeatureOutput(name="stem")(x)


def _conv_block(
    x: Tensor, width: int, strides: int, rate: float, config: CoAtNetConfig, name: str
) -> Tensor:
    """shortcut(x) + MBConv(x)."""
    outer = width if config.expand_first else x.shape[-1]
    inner = int(outer * config.expand_ratio)
    y = MBConv(
        width,
        expand_width=inner,
        squeeze_width=int(
            (width if config.expand_first else inner) * config.squeeze_ratio
        ),
        strides=strides,
        activation=config.activation,
        norm_activation=config.norm_activation,
        squeeze_early=config.squeeze_early,
        squeeze_activation=config.squeeze_activation,
        stride_by=config.stride_by,
        use_bias=config.conv_bias,
        padding_mode=config.padding_mode,
        name=f"{name}_mbconv",
    )(x)
    start = {"kernel_initializer": fan_out_normal(), "use_bias": config.conv_bias}
    x = _shortcut(x, width, strides, config, f"{name}_shortcut", **start)
    return residual(x, y, rate, f"{name}_mbconv")


def _transformer_block(
    x: Tensor, width: int, strides: int, rate: float, config: CoAtNetConfig, name: str
) -> Tensor:
    """shortcut(x) + attention(norm(x)), then x + MLP(norm(x))."""
    start = {"kernel_initializer": "glorot_uniform"}
    y = _norm(config, f"{name}_attention_norm")(x)
    y = _pool(y, strides, config, f"{name}_attention_pool")
    y = RelativeAttention(
        width,
        attention_width=None if config.expand_first else x.shape[-1],
        head_width=config.head_width,
        source=config.bias_source,
        mlp_width=config.bias_mlp_width,
        bias_position=config.bias_position,
        periodic=config.periodic,
        name=f"{name}_attention",
    )(y)
    y = _layer_scale(y, config, f"{name}_attention_scale")
    x = _shortcut(
        x,
        width,
        strides,
        config,
        f"{name}_shortcut",
        use_bias=config.shortcut_bias,
        **start,
    )
    x = residual(x, y, rate, f"{name}_attention")
    y = _norm(config, f"{name}_mlp_norm")(x)
    start["bias_initializer"] = keras.initializers.RandomNormal(stddev=1e-6)
    y = mlp(y, int(width * config.expand_ratio), "gelu", f"{name}_mlp", **start)
    y = _layer_scale(y, config, f"{name}_mlp_scale")
    return residual(x, y, rate, f"{name}_mlp")


def _shortcut(
    x: Tensor, width: int, strides: int, config: CoAtNetConfig, name: str, **start: Any
) -> Tensor:
    """The identity, pooled where the block strides, widened where it widens."""
    channels = x.shape[-1]
    x = _pool(x, strides, config, f"{name}_pool")
    return x if channels == width else dense(width, name, **start)(x)


def _pool(x: Tensor, strides: int, config: CoAtNetConfig, name: str) -> Tensor:
    if strides == 1:
        return x
    if config.pool == "max":
        return PaddedMaxPool2D(3, strides, config.padding_mode, name=name)(x)
    pool = layers.AveragePooling2D(strides, data_format="channels_last", name=name)
    return pool(x)


def _norm(config: CoAtNetConfig, name: str) -> keras.Layer:
    norm = {"layer": layer_norm, "batch": batch_norm}[config.norm]
    return norm(name, epsilon=1e-6)


def _layer_scale(x: Tensor, config: CoAtNetConfig, name: str) -> Tensor:
    if not config.layer_scale:
        return x
    return LayerScale(config.layer_scale, name=name)(x)


def _vector(x: Tensor, config: CoAtNetConfig) -> Tensor:
    """The input of the classifier, (B, C) or (B, head_hidden)."""
    mean = layers.GlobalAveragePooling2D("channels_last", name="mean")
    norm = _norm(config, "norm")
    if not config.head_hidden:
        return mean(norm(x))
    x = norm(mean(x))
    limit = x.shape[-1] ** -0.5
    start = keras.initializers.RandomUniform(-limit, limit)
    return dense(
        config.head_hidden,
        "pre_logits",
        activation="tanh",
        kernel_initializer=start,
        bias_initializer=keras.initializers.RandomUniform(-limit, limit),
    )(x)


FAMILY = Family(
    name="CoAtNet",
    network=network,
    config=CoAtNetConfig,
    input_shape=(224, 224, 3),
    classes=1000,
    paper="Dai et al. 2021, arXiv:2106.04803.",
)
ASTROFORMER = dataclasses.replace(
    FAMILY,
    name="Astroformer",
    config=AstroformerConfig,
    paper="Dagli 2023, arXiv:2304.05350.",
)

CoAtNet = family_builder(FAMILY)
Astroformer = family_builder(ASTROFORMER)

_W64, _W96 = (64, 128, 256, 512), (96, 192, 384, 768)
_W128, _W192 = (128, 256, 512, 1024), (192, 384, 768, 1536)
_W256 = (256, 512, 1280, 2048)
_DEEP, _DEEPER = (2, 6, 14, 2), (2, 12, 28, 2)


def _size(
    depths: tuple[int, ...] = (2, 3, 5, 2),
    widths: tuple[int, ...] = _W96,
    stem: int = 64,
) -> dict[str, Any]:
    return {
        "depths": depths,
        "widths": widths,
        "stem_widths": (stem, stem),
        "head_hidden": widths[-1],
    }


_SIZES = (
    _size(),
    _size(_DEEP),
    _size(_DEEP, _W128, 128),
    _size(_DEEP, _W192, 192),
    _size(_DEEPER, _W192, 192),
    _size(_DEEPER, _W256, 192),
)


def _row(size: int, parameters: int, macs: int, reported: str = "") -> Builder:
    reported = (
        f"ImageNet top-1 {reported} % in the paper's own form." if reported else ""
    )
    name = f"CoAtNet{size}"
    return variant(FAMILY, name, parameters, macs, reported, **_SIZES[size])


CoAtNet0 = _row(0, 25_036_820, 4_546_500_000, "81.6")
CoAtNet1 = _row(1, 42_225_776, 8_643_500_000, "83.3")
CoAtNet2 = _row(2, 74_684_744, 16_427_100_000, "84.1")
CoAtNet3 = _row(3, 166_966_264, 36_453_200_000, "84.5")
CoAtNet4 = _row(4, 275_425_288, 62_316_800_000)
CoAtNet5 = _row(5, 687_472_008, 145_264_300_000)


def _astroformer(size: int, parameters: int, macs: int, reported: str = "") -> Builder:
    reported = f"{reported} %, not reproduced." if reported else ""
    name = f"Astroformer{size}"
    return variant(ASTROFORMER, name, parameters, macs, reported, **_SIZES[size])


Astroformer0 = _astroformer(0, 23_533_592, 3_994_900_000)
Astroformer1 = _astroformer(1, 38_149_448, 6_813_000_000)
Astroformer2 = _astroformer(2, 67_381_864, 13_339_600_000)
Astroformer3 = _astroformer(3, 150_408_616, 29_881_400_000, "CIFAR-10 99.12")
Astroformer4 = _astroformer(4, 242_604_904, 48_537_400_000, "CIFAR-100 93.36")
Astroformer5 = _astroformer(5, 595_579_688, 108_237_800_000, "Tiny ImageNet 92.98")
