"""ResNet-9 and its hybrid with attention: small networks for few and small images.

ResNet-9 (Page 2018, "How to train your ResNet") is the shape with which CIFAR is
trained in the shortest time: full 3x3 convolutions, each stage pooling right after its
first. Here a stage is that convolution, max pool, norm, GELU, and then residual
convolutions with one norm each.

`attention_depths` adds attention with a relative position bias at the end of a stage. A
gate per channel, which starts at zero, multiplies it: at first the network is exactly
the residual network without attention. Attention sees maps of other sizes through the
middle of its table, so that it can be trained with progressive resizing.
`ResNet9Hybrid` has one attention in place of the last residual convolution, and a
quarter fewer parameters than ResNet-9.
"""

import dataclasses

from keras import layers

from keras_hybrid.layers import (
    FeatureOutput,
    LayerScale,
    PaddedConv2D,
    RelativeAttention,
    drop_path_schedule,
)
from keras_hybrid.layers.factories import batch_norm, fan_out_normal
from keras_hybrid.models.blocks import residual
from keras_hybrid.models.config import check_per_stage, option
from keras_hybrid.models.registry import Family, variant
from keras_hybrid.utils.typing import Tensor


@dataclasses.dataclass(frozen=True)
class ResNet9Config:
    """Hyper-parameters of ResNet-9, one value per stage where it is a tuple."""

    widths: tuple[int, ...] = option((64, 256, 256), "Channels of each stage.")
    depths: tuple[int, ...] = option((1, 1, 1), "Residual convolutions of each stage.")
    attention_depths: tuple[int, ...] = option((0, 0, 0), "Attentions of each stage.")
    head_width: int = option(32, "Channels of an attention head.")
    stem_width: int = option(24, "Channels of the stem.")
    stem_stride: int = option(1, "Stride of the stem; its kernel is twice as large.")
    drop_path_rate: float = option(0.0, "Stochastic depth of the last block.")

    def __post_init__(self) -> None:
        check_per_stage(self, ("depths", "attention_depths"), stages=len(self.widths))


def network(x: Tensor, config: ResNet9Config) -> tuple[Tensor, Tensor]:
    """Stem and stages, and the mean of the last map."""
    count = sum(config.depths) + sum(config.attention_depths)
    rates = iter(drop_path_schedule(config.drop_path_rate, count))
    stride = config.stem_stride
    x = PaddedConv2D(
        config.stem_width,
        2 * stride,
        stride,
        padding=stride // 2,
        kernel_initializer=fan_out_normal(),
        name="stem_conv",
    )(x)
    x = layers.Activation("gelu", name="stem_activation")(x)
    for i, width in enumerate(config.widths):
        stage = f"stage{i + 1}"
        x = _downsample(x, width, f"{stage}_downsample")
        for b in range(config.depths[i]):
            name = f"{stage}_block{b + 1}"
            x = residual(x, _convolution(x, width, name), next(rates), name)
        for b in range(config.attention_depths[i]):
            name = f"{stage}_attention{b + 1}"
            x = residual(x, _attention(x, config, name), next(rates), name)
        x = FeatureOutput(name=stage)(x)
    mean = layers.GlobalAveragePooling2D(data_format="channels_last", name="mean")
    return x, mean(x)


def _downsample(x: Tensor, width: int, name: str) -> Tensor:
    """3x3 convolution, 2x2 max pool, norm, GELU."""
    sides = [side for side in x.shape[1:3] if side is not None]
    if min(sides, default=2) < 2:
        raise ValueError(
            f"{name}: a map of {x.shape[1]}x{x.shape[2]} pixels is too small to halve; "
            "take larger images, or a smaller stem_stride."
        )
    x = _conv3x3(x, width, f"{name}_conv")
    pool = layers.MaxPooling2D(2, data_format="channels_last", name=f"{name}_pool")
    x = batch_norm(f"{name}_norm")(pool(x))
    return layers.Activation("gelu", name=f"{name}_activation")(x)


def _convolution(x: Tensor, width: int, name: str) -> Tensor:
    """3x3 convolution, norm, GELU."""
    x = batch_norm(f"{name}_norm")(_conv3x3(x, width, f"{name}_conv"))
    return layers.Activation("gelu", name=f"{name}_activation")(x)


def _attention(x: Tensor, config: ResNet9Config, name: str) -> Tensor:
    """Attention over the normalised map, times a gate that starts at zero."""
    y = batch_norm(f"{name}_norm")(x)
    width = min(4 * config.head_width, x.shape[-1])
    y = RelativeAttention(
        x.shape[-1], width, config.head_width, name=f"{name}_attention"
    )(y)
    return LayerScale(0.0, name=f"{name}_gate")(y)


def _conv3x3(x: Tensor, width: int, name: str) -> Tensor:
    return PaddedConv2D(
        width, 3, use_bias=False, kernel_initializer=fan_out_normal(), name=name
    )(x)


FAMILY = Family(
    name="ResNet9",
    network=network,
    config=ResNet9Config,
    input_shape=(32, 32, 3),
    classes=100,
    paper="Page 2018, DAWNBench; with attention: this package's own.",
)

ResNet9 = variant(FAMILY, "ResNet9", 1_995_932, 118_200_000)
ResNet9Hybrid = variant(
    FAMILY,
    "ResNet9Hybrid",
    1_538_176,
    114_100_000,
    depths=(1, 1, 0),
    attention_depths=(0, 0, 1),
)
