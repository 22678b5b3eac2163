"""ATC in torch, by the plain operations, to compare with.

Written from the description of the blocks: a pyramid of three stages. The first two
work on maps; the convolution after attention works on what attention gathered. The last
stage is CvT's, with a class token.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

BATCH_NORM = {"eps": 1e-5, "momentum": 0.1}


class Channels(nn.LayerNorm):
    """Layer norm over the channels of a map `(B, C, H, W)`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Unit(nn.Module):
    """Depthwise convolution, norm, 1x1 convolution, norm; the width is kept."""

    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.conv_norm = nn.BatchNorm2d(width, **BATCH_NORM)
        self.linear = nn.Conv2d(width, width, 1)
        self.linear_norm = nn.BatchNorm2d(width, **BATCH_NORM)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear_norm(self.linear(self.conv_norm(self.conv(x))))


class Projection(nn.Module):
    """Queries, keys or values `(B, N, C)` from a map, after a depthwise convolution.

    A class token does not take part in the convolution.
    """

    def __init__(self, width: int, stride: int):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False)
        self.norm = nn.BatchNorm2d(width, **BATCH_NORM)
        self.linear = nn.Linear(width, width)

    def forward(
        self, x: torch.Tensor, token: torch.Tensor | None = None
    ) -> torch.Tensor:
        tokens = self.norm(self.conv(x)).flatten(2).transpose(1, 2)
        if token is not None:
            tokens = torch.cat([token, tokens], 1)
        return self.linear(tokens)


class Attention(nn.Module):
    """The three projections, and the weighted sums of values per head."""

    def __init__(self, width: int, heads: int, stride: int):
        super().__init__()
        self.query = Projection(width, 1)
        self.key = Projection(width, stride)
        self.value = Projection(width, stride)
        self.heads = heads
        self.scale = width**-0.5  # of the whole width, as in CvT's code

    def forward(
        self, x: torch.Tensor, token: torch.Tensor | None = None
    ) -> torch.Tensor:
        q, k, v = (
            project(x, token).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        y = functional.scaled_dot_product_attention(q, k, v, scale=self.scale)
        return y.transpose(1, 2).flatten(2)


class ConvolutionBlock(nn.Module):
    """ATC's block, on maps `(B, C, H, W)`."""

    def __init__(self, width: int, heads: int, stride: int):
        super().__init__()
        self.norm1 = Channels(width)
        self.attention = Attention(width, heads, stride)
        self.output = Unit(width)
        self.norm2 = Channels(width)
        self.unit1, self.unit2 = Unit(width), Unit(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.attention(self.norm1(x)).transpose(1, 2).reshape(x.shape)
        x = x + y + self.output(y)
        return x + self.unit2(torch.relu(self.unit1(self.norm2(x))))


class TokenBlock(nn.Module):
    """CvT's block, on a map and a class token as tokens `(B, 1 + H W, C)`."""

    def __init__(self, width: int, heads: int, stride: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, stride)
        self.output = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.project = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor, sides: tuple[int, int]) -> torch.Tensor:
        y = self.norm1(x)
        patches = y[:, 1:].transpose(1, 2).unflatten(2, sides)
        x = x + self.output(self.attention(patches, y[:, :1]))
        y = self.expand(self.norm2(x))
        return x + self.project(y * torch.sigmoid(1.702 * y))


class Stage(nn.Module):
    """Token embedding and blocks: a map to a smaller one, or to a class token."""

    def __init__(
        self,
        channels: int,
        width: int,
        heads: int,
        stride: int,
        key_value_stride: int,
        depth: int,
        last: bool,
    ):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, stride, 1)
        self.norm = Channels(width)
        self.token = nn.Parameter(torch.zeros(1, 1, width)) if last else None
        block = TokenBlock if last else ConvolutionBlock
        self.blocks = nn.ModuleList(
            [block(width, heads, key_value_stride) for _ in range(depth)]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x))
        if self.token is None:
            for block in self.blocks:
                x = block(x)
            return x
        sides = x.shape[2:]
        tokens = x.flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(x), -1, -1), tokens], 1)
        for block in self.blocks:
            tokens = block(tokens, sides)
        return tokens[:, 0]


class ATC(nn.Module):
    """Normalized images `(B, C, H, W)` to logits `(B, classes)`.

    Args:
        depths: Blocks of each of the three stages.
        widths: Channels of each stage.
        heads: Attention heads of each stage.
        strides: Stride of each token embedding.
        key_value_strides: Stride of keys and values.
        classes: Number of logits.
        channels: Channels of the images.
    """

    def __init__(
        self,
        depths: Sequence[int],
        widths: Sequence[int],
        heads: Sequence[int],
        strides: Sequence[int],
        key_value_strides: Sequence[int],
        classes: int,
        channels: int = 3,
    ):
        super().__init__()
        inputs, last = [channels, *widths[:-1]], [False, False, True]
        each = zip(
            inputs, widths, heads, strides, key_value_strides, depths, last, strict=True
        )
        self.stages = nn.Sequential(*(Stage(*values) for values in each))
        self.norm = nn.LayerNorm(widths[-1])
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.stages(x)))
