"""ConViT: Improving Vision Transformers with Soft Convolutional Inductive Biases.

d'Ascoli et al., ICML 2021, arXiv:2103.10697. A vision transformer whose first
blocks use gated positional self-attention (GPSA, section 3), started so that the
heads attend like the taps of a convolution; each head's gate decides how far it
stays one. The class token joins before the first block of ordinary attention.

Where the released code and the paper differ, this follows the code, as the
published weights do:

- with an even number of heads a side, heads are centred between patches;
- queries and keys start small and random, not zero;
- the class token has no position embedding.

Extensions beyond the released code: images may be rectangles (pixels at the right and
bottom that do not fill a patch are cut off), and GPSA is computed without a map of all
pairs of patches. With GPSA in every block the released code never adds the class token
and classifies the first patch. Here the class token is added before the head. No block
is left in which it could attend to the patches, so the head reads the mean of all
tokens.

The initial weights are the released code's: N(0, 0.02) for dense layers, tokens and
positions, uniform for the patch embedding, the identity for GPSA's values.
"""

import dataclasses

from keras import layers

from keras_hybrid.layers import (
    ClassToken,
    DotProductAttention,
    FeatureOutput,
    GatedPositionalAttention,
    PaddedConv2D,
    SplitClassToken,
    drop_path_schedule,
)
from keras_hybrid.layers.factories import dense, layer_norm
from keras_hybrid.models.blocks import mlp, position_embedding, residual
from keras_hybrid.models.config import option
from keras_hybrid.models.registry import Builder, Family, family_builder, variant
from keras_hybrid.utils.typing import Tensor

EPSILON = 1e-6


@dataclasses.dataclass(frozen=True)
class ConViTConfig:
    """Hyper-parameters of ConViT."""

    depth: int = option(12, "Number of blocks.")
    gpsa_layers: int = option(10, "Blocks with GPSA, the first ones: 0 to all.")
    width: int = option(192, "Channels.")
    heads: int = option(4, "Attention heads; a square number fills the kernel.")
    patch_size: int = option(16, "Side of a patch in pixels; 4 suits 32 px images.")
    position_embedding: bool = option(True, "Learned absolute position embedding.")
    locality_strength: float = option(1.0, "Initial steepness of locality.")
    local_init: bool = option(
        True, "Start GPSA as a convolution; False starts at random (Table 3)."
    )
    gate_init: float = option(1.0, "Initial gates before their sigmoid (Table 3: 0).")
    train_gates: bool = option(True, "Whether the gates are trained (Table 3).")
    train_gpsa: bool = option(True, "Whether GPSA is trained at all (Table 3).")
    mlp_ratio: float = option(4, "Hidden width of the MLP over the width.")
    drop_path_rate: float = option(0.1, "Stochastic depth of the last block.")


def network(x: Tensor, config: ConViTConfig) -> tuple[Tensor, Tensor]:
    """Patches, blocks with GPSA, class token, blocks with ordinary attention."""
    if not 0 <= config.gpsa_layers <= config.depth:
        raise ValueError(
            f"gpsa_layers must lie in [0, {config.depth}], the depth, not "
            f"{config.gpsa_layers}."
        )
    x = PaddedConv2D(
        config.width,
        config.patch_size,
        config.patch_size,
        padding=0,
        name="patch_embedding",
    )(x)
    if config.position_embedding:
        x = position_embedding(x, x, "position", class_token=False)
    rates = drop_path_schedule(config.drop_path_rate, config.depth)
    for i, rate in enumerate(rates[: config.gpsa_layers]):
        x = _block(x, config, rate, f"block{i + 1}", local=True)
        x = FeatureOutput(name=f"block{i + 1}")(x)
    grid = x
    x = ClassToken(name="class_token")(x)
    if config.gpsa_layers == config.depth:
        x = layer_norm("norm", EPSILON)(x)
        return grid, layers.GlobalAveragePooling1D("channels_last", name="mean")(x)
    for i, rate in enumerate(rates[config.gpsa_layers :], start=config.gpsa_layers):
        x = _block(x, config, rate, f"block{i + 1}", local=False)
        if i + 1 < config.depth:
            x = FeatureOutput(name=f"block{i + 1}")(x, grid=grid)
    token, x = SplitClassToken(name=f"block{config.depth}")(x, grid)
    return x, layer_norm("norm", EPSILON)(token)


def _block(
    x: Tensor, config: ConViTConfig, rate: float, name: str, local: bool
) -> Tensor:
    """x + attention(norm(x)), then x + MLP(norm(x))."""
    y = layer_norm(f"{name}_attention_norm", EPSILON)(x)
    attention = gpsa if local else _self_attention
    y = attention(y, config, f"{name}_attention")
    x = residual(x, y, rate, f"{name}_attention")
    y = layer_norm(f"{name}_mlp_norm", EPSILON)(x)
    y = mlp(y, int(config.width * config.mlp_ratio), "gelu", f"{name}_mlp")
    return residual(x, y, rate, f"{name}_mlp")


def gpsa(x: Tensor, config: ConViTConfig, name: str) -> Tensor:
    """GPSA of a map, with the dense layers before and after it."""
    trained = {"trainable": config.train_gpsa}
    start = {"kernel_initializer": "identity"} if config.local_init else {}
    linear = {"use_bias": False, **trained}
    query = dense(config.width, f"{name}_query", **linear)(x)
    key = dense(config.width, f"{name}_key", **linear)(x)
    value = dense(config.width, f"{name}_value", **linear, **start)(x)
    core = GatedPositionalAttention(
        config.heads,
        locality_strength=config.locality_strength,
        local_init=config.local_init,
        gate_init=config.gate_init,
        train_gate=config.train_gates,
        name=name,
        **trained,
    )
    return dense(config.width, f"{name}_output", **trained)(core(query, key, value))


def _self_attention(x: Tensor, config: ConViTConfig, name: str) -> Tensor:
    query, key, value = (
        dense(config.width, f"{name}_{role}", use_bias=False)(x)
        for role in ("query", "key", "value")
    )
    y = DotProductAttention(config.heads, name=name)(query, key, value)
    return dense(config.width, f"{name}_output")(y)


FAMILY = Family(
    name="ConViT",
    network=network,
    config=ConViTConfig,
    input_shape=(224, 224, 3),
    classes=1000,
    paper="d'Ascoli et al. 2021, arXiv:2103.10697.",
)

ConViT = family_builder(FAMILY)


def _row(
    name: str, parameters: int, macs: int, reported: str, heads: int, width: int
) -> Builder:
    reported = f"ImageNet top-1 {reported} %."
    return variant(FAMILY, name, parameters, macs, reported, heads=heads, width=width)


ConViTTiny = _row("ConViTTiny", 5_710_512, 1_257_000_000, "73.1", 4, 192)
ConViTTinyPlus = _row("ConViTTinyPlus", 9_972_912, 2_137_000_000, "76.7", 4, 256)
ConViTSmall = _row("ConViTSmall", 27_777_322, 5_757_000_000, "81.3", 9, 432)
ConViTSmallPlus = _row("ConViTSmallPlus", 48_979_882, 10_016_000_000, "82.2", 9, 576)
ConViTBase = _row("ConViTBase", 86_540_040, 17_524_000_000, "82.4", 16, 768)
ConViTBasePlus = _row("ConViTBasePlus", 153_134_856, 30_765_000_000, "82.5", 16, 1024)
