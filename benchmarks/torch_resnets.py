"""ResNet and Wide ResNet in torch, with the published tensor names, to compare with.

Written from figure 5 (left) of arXiv:1512.03385 and section 2 of arXiv:1605.07146.
"""

from collections.abc import Sequence

import torch
from torch import nn


def _conv(channels: int, width: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)


class Basic(nn.Module):
    """Convolution, norm, ReLU, convolution, norm; ReLU after the sum."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.conv1 = _conv(channels, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or channels != width:
            norm = nn.BatchNorm2d(width)
            self.downsample = nn.Sequential(_conv(channels, width, 1, stride), norm)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.downsample(x) + self.bn2(self.conv2(y)))


class ResNet(nn.Module):
    """Names as torchvision's: `conv1`, `bn1`, `layer1.0.conv1`, ..., `fc`."""

    def __init__(
        self, depths: Sequence[int], widths: Sequence[int], stem: str, classes: int
    ):
        super().__init__()
        self.stem = stem
        kernel, stride = (7, 2) if stem == "imagenet" else (3, 1)
        self.conv1 = _conv(3, widths[0], kernel, stride)
        self.bn1 = nn.BatchNorm2d(widths[0])
        channels = widths[0]
        for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            blocks = []
            for b in range(depth):
                blocks.append(Basic(channels, width, 2 if i and not b else 1))
                channels = width
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        if self.stem != "cifar":
            x = nn.functional.max_pool2d(x, 3, 2, 1)
        for name, stage in self.named_children():
            x = stage(x) if name.startswith("layer") else x
        return self.fc(x.mean((2, 3)))


class PreActivation(nn.Module):
    """Norm and ReLU before each convolution; a new width is made from the norm."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = _conv(channels, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3)
        if stride > 1 or channels != width:
            self.convShortcut = _conv(channels, width, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.bn1(x))
        if hasattr(self, "convShortcut"):
            x = self.convShortcut(y)
        return x + self.conv2(torch.relu(self.bn2(self.conv1(y))))


class WideResNet(nn.Module):
    """Names as xternalz's: `conv1`, `block1.layer.0.bn1`, ..., `bn1`, `fc`."""

    def __init__(
        self,
        depths: Sequence[int],
        widths: Sequence[int],
        classes: int,
        stem_width: int = 16,
    ):
        super().__init__()
        self.conv1 = _conv(3, stem_width, 3)
        channels = stem_width
        for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            stage = nn.Module()
            blocks = []
            for b in range(depth):
                blocks.append(PreActivation(channels, width, 2 if i and not b else 1))
                channels = width
            stage.layer = nn.Sequential(*blocks)
            setattr(self, f"block{i + 1}", stage)
        self.bn1 = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(x)
        for name, stage in self.named_children():
            x = stage.layer(x) if name.startswith("block") else x
        return self.fc(torch.relu(self.bn1(x)).mean((2, 3)))


def randomise(network: nn.Module, seed: int = 0) -> nn.Module:
    """No weight is trivial: norms have scales, shifts and statistics of their own."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return network
