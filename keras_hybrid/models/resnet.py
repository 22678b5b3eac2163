"""ResNet (He et al. 2016) and Wide ResNet: the plain networks to compare with.

ResNet is arXiv:1512.03385 with two 3x3 convolutions per block (figure 5, left), as in
torchvision. Wide ResNet (Zagoruyko and Komodakis 2016, arXiv:1605.07146) normalises
before each convolution; a block that changes size or width takes its shortcut from
the normalised map, and a last norm comes before the mean.

Hybrids have to beat these with the same images, method and time. `ResNet18Small` is
ResNet-18 at half the width with a stem for images of 32 pixels.
"""

import dataclasses
from collections.abc import Callable

from keras import layers

from keras_hybrid.layers import (
    FeatureOutput,
    PaddedConv2D,
    PaddedMaxPool2D,
    drop_path_schedule,
)
from keras_hybrid.layers.factories import batch_norm, fan_out_normal
from keras_hybrid.models.blocks import residual
from keras_hybrid.models.config import check_choice, option
from keras_hybrid.models.registry import Family, family_builder, variant
from keras_hybrid.utils.typing import Tensor

STEMS = ("imagenet", "cifar", "pool")


@dataclasses.dataclass(frozen=True)
class ResNetConfig:
    """Hyper-parameters of ResNet, one value per stage where it is a tuple."""

    depths: tuple[int, ...] = option((2, 2, 2, 2), "Blocks of each stage.")
    widths: tuple[int, ...] = option((64, 128, 256, 512), "Channels of each stage.")
    stem: str = option(
        "imagenet",
        "'imagenet': 7x7 with stride 2, then a max pool; 'cifar': 3x3; 'pool': 3x3, "
        "then a max pool.",
    )
    stem_width: int | None = option(None, "Channels of the stem; None: the first's.")
    drop_path_rate: float = option(0.0, "Stochastic depth of the last block.")

    def __post_init__(self) -> None:
        check_choice("stem", self.stem, STEMS)
        if not self.depths or len(self.depths) != len(self.widths):
            raise ValueError(
                "depths and widths take one value per stage each: "
                f"{self.depths!r}, {self.widths!r}."
            )


@dataclasses.dataclass(frozen=True)
class WideResNetConfig(ResNetConfig):
    """Hyper-parameters of Wide ResNet, one value per stage where it is a tuple."""

    depths: tuple[int, ...] = option((2, 2, 2), "Blocks of each stage.")
    widths: tuple[int, ...] = option((128, 256, 512), "Channels of each stage.")
    stem: str = option("cifar", "As for ResNet; none has a norm.")
    stem_width: int | None = option(16, "Channels of the stem.")


def resnet(x: Tensor, config: ResNetConfig) -> tuple[Tensor, Tensor]:
    """Stem, stages of basic blocks, and the mean of the last map."""
    x = _stem_convolution(x, config)
    x = _relu(batch_norm("stem_norm")(x), "stem")
    x = _stages(_stem_pool(x, config), config, basic_block)
    return x, _mean(x)


def wide_resnet(x: Tensor, config: WideResNetConfig) -> tuple[Tensor, Tensor]:
    """Stem, stages of pre-activation blocks, a norm, and the mean of the last map."""
    x = _stem_pool(_stem_convolution(x, config), config)
    x = _stages(x, config, preactivation_block)
    x = _relu(batch_norm("norm")(x), "norm")
    return x, _mean(x)


def basic_block(x: Tensor, width: int, strides: int, rate: float, name: str) -> Tensor:
    """Two 3x3 convolutions, each with a norm, around which the map is added.

    Args:
        x: `(B, H, W, C)`.
        width: Channels of the result.
        strides: Of the first convolution; with another width the shortcut is a 1x1.
        rate: Stochastic depth.
        name: Prefix of the layers' names.
    """
    y = _conv(x, width, 3, strides, f"{name}_conv1")
    y = _relu(batch_norm(f"{name}_norm1")(y), f"{name}_conv1")
    y = _conv(y, width, 3, 1, f"{name}_conv2")
    y = batch_norm(f"{name}_norm2")(y)
    if strides > 1 or x.shape[-1] != width:
        x = _conv(x, width, 1, strides, f"{name}_shortcut")
        x = batch_norm(f"{name}_shortcut_norm")(x)
    return _relu(residual(x, y, rate, name), name)


def preactivation_block(
    x: Tensor, width: int, strides: int, rate: float, name: str
) -> Tensor:
    """As `basic_block`, with norm and ReLU before each convolution."""
    y = _relu(batch_norm(f"{name}_norm1")(x), f"{name}_norm1")
    if strides > 1 or x.shape[-1] != width:
        x = _conv(y, width, 1, strides, f"{name}_shortcut")
    y = _conv(y, width, 3, strides, f"{name}_conv1")
    y = _relu(batch_norm(f"{name}_norm2")(y), f"{name}_norm2")
    y = _conv(y, width, 3, 1, f"{name}_conv2")
    return residual(x, y, rate, name)


def _stages(x: Tensor, config: ResNetConfig, block: Callable[..., Tensor]) -> Tensor:
    rates = iter(drop_path_schedule(config.drop_path_rate, sum(config.depths)))
    for i, (depth, width) in enumerate(zip(config.depths, config.widths, strict=True)):
        for b in range(depth):
            strides = 2 if i and not b else 1
            name = f"stage{i + 1}_block{b + 1}"
            x = block(x, width, strides, next(rates), name)
        x = FeatureOutput(name=f"stage{i + 1}")(x)
    return x


def _stem_convolution(x: Tensor, config: ResNetConfig) -> Tensor:
    width = config.stem_width or config.widths[0]
    kernel, strides = (7, 2) if config.stem == "imagenet" else (3, 1)
    return _conv(x, width, kernel, strides, "stem_conv")


def _stem_pool(x: Tensor, config: ResNetConfig) -> Tensor:
    return x if config.stem == "cifar" else PaddedMaxPool2D(name="stem_pool")(x)


def _conv(x: Tensor, width: int, kernel: int, strides: int, name: str) -> Tensor:
    return PaddedConv2D(
        width,
        kernel,
        strides,
        use_bias=False,
        kernel_initializer=fan_out_normal(),
        name=name,
    )(x)


def _relu(x: Tensor, name: str) -> Tensor:
    return layers.ReLU(name=f"{name}_activation")(x)


def _mean(x: Tensor) -> Tensor:
    return layers.GlobalAveragePooling2D(data_format="channels_last", name="mean")(x)


RESNET = Family(
    name="ResNet",
    network=resnet,
    config=ResNetConfig,
    input_shape=(224, 224, 3),
    classes=1000,
    paper="He et al. 2016, arXiv:1512.03385.",
)
WIDE_RESNET = Family(
    name="WideResNet",
    network=wide_resnet,
    config=WideResNetConfig,
    input_shape=(32, 32, 3),
    classes=100,
    paper="Zagoruyko and Komodakis 2016, arXiv:1605.07146.",
)
_SMALL_IMAGES = dataclasses.replace(RESNET, input_shape=(32, 32, 3), classes=100)

ResNet = family_builder(RESNET)
WideResNet = family_builder(WIDE_RESNET)

ResNet18 = variant(
    RESNET, "ResNet18", 11_689_512, 1_813_600_000, "ImageNet top-1 69.76 %."
)
ResNet34 = variant(
    RESNET,
    "ResNet34",
    21_797_672,
    3_663_200_000,
    "ImageNet top-1 73.31 %.",
    depths=(3, 4, 6, 3),
)
ResNet18Small = variant(
    _SMALL_IMAGES,
    "ResNet18Small",
    2_820_740,
    139_300_000,
    widths=(32, 64, 128, 256),
    stem="cifar",
)
WRN16_8 = variant(WIDE_RESNET, "WRN16_8", 11_007_540, 1_548_100_000)
