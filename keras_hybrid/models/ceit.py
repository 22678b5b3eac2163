"""CeiT: Incorporating Convolution Designs into Visual Transformers.

Yuan et al., ICCV 2021, arXiv:2103.11816. An image-to-tokens module (I2T, section
3.1) of a convolution and a max-pool in place of raw patches; transformer blocks
whose feed-forward network convolves (LeFF, section 3.2); and layer-wise class
attention (LCA, section 3.3), in which the last block's class token gathers from
those of all blocks.

Where the released code and the paper differ, this follows the code, as the
published weights do:

- I2T has 64 channels (the paper says 32, but counts parameters with 64);
- there is no GELU after the last norm of LeFF (`leff_final_activation`);
- LeFF passes the normalised class token on, so that a block adds it to itself;
- CeiT-B has 94.4 M parameters (the paper prints DeiT-B's 86.6 M).

Of the last block only the class token is read, so that the published network
computes the block's patch tokens, and its whole LeFF, for nothing. With
`class_only` they are left out, which is exact: logits and gradients are the same,
the LeFF keeps its weights, and only the moving statistics of its norms stand still
in training. A headless model that ends in the last map computes it all.

Images may be rectangles. The initial weights are the released code's: N(0, 0.02)
for dense layers, tokens and positions, uniform for convolutions and LeFF, zero for
the positions in LCA.
"""

import dataclasses

from keras import layers

from keras_hybrid.layers import (
    ClassToken,
    DotProductAttention,
    FeatureOutput,
    LeFF,
    PaddedConv2D,
    PaddedMaxPool2D,
    SelectToken,
    SplitClassToken,
    StackTokens,
    drop_path_schedule,
)
from keras_hybrid.layers.factories import batch_norm, dense, layer_norm
from keras_hybrid.models.blocks import mlp, position_embedding, residual
from keras_hybrid.models.config import option
from keras_hybrid.models.registry import Family, family_builder, variant
from keras_hybrid.utils.typing import Tensor

EPSILON = 1e-6


@dataclasses.dataclass(frozen=True)
class CeiTConfig:
    """Hyper-parameters of CeiT."""

    depth: int = option(12, "Number of blocks.")
    width: int = option(192, "Channels.")
    heads: int = option(3, "Attention heads.")
    i2t_channels: int = option(64, "Channels of I2T's convolution.")
    i2t_kernel: int = option(7, "Kernel of I2T's convolution, in pixels.")
    i2t_stride: int = option(2, "Stride of I2T's convolution.")
    i2t_pool: bool = option(True, "I2T's max-pool, which halves the map.")
    i2t_norm: bool = option(True, "Batch norm after I2T's convolution.")
    patch_size: int = option(4, "Side of a patch of I2T's map.")
    mlp_ratio: float = option(4, "Hidden width of LeFF and of LCA's MLP over width.")
    leff_kernel: int = option(3, "Kernel of LeFF's convolution, in tokens.")
    leff_norm: bool = option(True, "Batch norm in LeFF.")
    leff_final_activation: bool = option(False, "GELU at the end of LeFF.")
    class_attention: bool = option(True, "LCA, else the last class token.")
    class_only: bool = option(
        True, "Leave out what the logits do not read of the last block: exact."
    )
    drop_path_rate: float = option(0.1, "Stochastic depth of the last block.")


def network(x: Tensor, config: CeiTConfig) -> tuple[Tensor | None, Tensor]:
    """I2T, transformer blocks, attention among their class tokens."""
    if config.depth < 1:
        raise ValueError(f"depth must be 1 or more, not {config.depth}.")
    grid = _image_to_tokens(x, config)
    x = ClassToken(name="class_token")(grid)
    x = position_embedding(x, grid, "position", class_token=True)
    rates = drop_path_schedule(config.drop_path_rate, config.depth)
    whole = config.depth - 1 if config.class_only else config.depth
    tokens = []
    for i, rate in enumerate(rates[:whole], start=1):
        x = _block(x, grid, config, rate, f"block{i}")
        x = FeatureOutput(name=f"block{i}")(x, grid=grid)
        tokens.append(SelectToken(name=f"block{i}_class_token")(x))
    last_map = None
    if config.class_only:
        name = f"block{config.depth}"
        tokens.append(_block(x, grid, config, rates[-1], name, class_only=True))
    else:
        _, last_map = SplitClassToken(name="map")(x, grid)
    token = _class_attention(tokens, config) if config.class_attention else tokens[-1]
    token = layers.Flatten("channels_last", name="vector")(token)
    return last_map, layer_norm("norm", EPSILON)(token)


def _image_to_tokens(x: Tensor, config: CeiTConfig) -> Tensor:
    """An image -> a map with one token per patch."""
    x = PaddedConv2D(
        config.i2t_channels,
        config.i2t_kernel,
        config.i2t_stride,
        use_bias=False,
        name="i2t_conv",
    )(x)
    if config.i2t_norm:
        x = batch_norm("i2t_norm")(x)
    if config.i2t_pool:
        x = PaddedMaxPool2D(name="i2t_pool")(x)
    size = config.patch_size
    x = PaddedConv2D(config.width, size, size, padding=0, name="i2t_project")(x)
    return FeatureOutput(name="i2t")(x)


def _block(
    x: Tensor,
    grid: Tensor,
    config: CeiTConfig,
    rate: float,
    name: str,
    class_only: bool = False,
) -> Tensor:
    """x + attention(norm(x)), then x + LeFF(norm(x)); or that of the class token."""
    y = query = layer_norm(f"{name}_attention_norm", EPSILON)(x)
    if class_only:
        x = SelectToken(name=f"{name}_class_token")(x)
        query = SelectToken(name=f"{name}_attention_class_token")(y)
    y = _attention(query, y, config.heads, f"{name}_attention")
    x = residual(x, y, rate, f"{name}_attention")
    y = layer_norm(f"{name}_mlp_norm", EPSILON)(x)
    feed_forward = LeFF(
        config.width,
        hidden=int(config.width * config.mlp_ratio),
        kernel_size=config.leff_kernel,
        use_norm=config.leff_norm,
        final_activation=config.leff_final_activation,
        name=f"{name}_leff",
    )
    y = feed_forward(y) if class_only else feed_forward(y, grid=grid)
    return residual(x, y, rate, f"{name}_mlp")


def _class_attention(tokens: list[Tensor], config: CeiTConfig) -> Tensor:
    """One block on the class tokens of all blocks, for the last of them alone."""
    x = StackTokens(name="lca_tokens")(tokens)
    last = SelectToken(-1, name="lca_last_token")(x)
    x = layer_norm("lca_attention_norm", EPSILON)(x)
    query = SelectToken(-1, name="lca_attention_last_token")(x)
    y = _attention(query, x, config.heads, "lca_attention")
    x = residual(last, y, 0.0, "lca_attention")
    y = layer_norm("lca_mlp_norm", EPSILON)(x)
    y = mlp(y, int(config.width * config.mlp_ratio), "gelu", "lca_mlp")
    return residual(x, y, 0.0, "lca_mlp")


def _attention(query: Tensor, x: Tensor, heads: int, name: str) -> Tensor:
    """Attention of some tokens to all tokens x."""
    width = x.shape[-1]
    query = dense(width, f"{name}_query")(query)
    key = dense(width, f"{name}_key")(x)
    value = dense(width, f"{name}_value")(x)
    y = DotProductAttention(heads, name=name)(query, key, value)
    return dense(width, f"{name}_output")(y)


def _with_map(config: CeiTConfig) -> CeiTConfig:
    """The same network with the whole last block, whose map is read."""
    return dataclasses.replace(config, class_only=False)


FAMILY = Family(
    name="CeiT",
    network=network,
    config=CeiTConfig,
    input_shape=(224, 224, 3),
    classes=1000,
    paper="Yuan et al. 2021, arXiv:2103.11816.",
    with_map=_with_map,
)

# Multiply-adds are those of `class_only=True`; the published network also computes
# 88, 321 and 1221 million that reach no logit.
CeiT = family_builder(FAMILY)
CeiTTiny = variant(
    FAMILY, "CeiTTiny", 6_356_904, 1_306_800_000, "ImageNet top-1 76.4 %."
)
CeiTSmall = variant(
    FAMILY,
    "CeiTSmall",
    24_204_840,
    4_438_100_000,
    "ImageNet top-1 82.0 %.",
    width=384,
    heads=6,
)
CeiTBase = variant(
    FAMILY,
    "CeiTBase",
    94_405_416,
    16_528_000_000,
    "ImageNet top-1 82.5 %.",
    width=768,
    heads=12,
)
