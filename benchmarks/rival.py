"""A ResNet-18 of as many multiply-adds as a case, for the same images and classes."""

import bisect
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.cases import Case
from keras_hybrid import models
from keras_hybrid.analysis.complexity import macs

if TYPE_CHECKING:
    import torch

DEPTHS = (2, 2, 2, 2)
STEM = "cifar"  # a 3x3 convolution, for images of 32 pixels
_SIXTEENTHS = range(16 * 8, 16 * 128)  # widths of the first stage, in 1/16 channels


def build_rival(case: Case) -> "torch.nn.Module":
    """The ResNet-18 in torch, `(B, C, H, W) -> (B, classes)`, with random weights."""
    from benchmarks.torch_resnets import ResNet

    return ResNet(DEPTHS, rival_widths(case), STEM, *case.output_shape)


def rival_widths(case: Case) -> tuple[int, ...]:
    """Channels of the four stages whose count of multiply-adds is nearest the case's.

    A stage has twice the channels of the stage before, rounded to a multiple of 8,
    which convolutions are fastest for.
    """
    wanted = macs(case.build())

    @functools.cache
    def count(widths: Sequence[int]) -> int:
        return macs(
            models.ResNet18(
                widths=widths,
                stem=STEM,
                input_shape=case.input_shape,
                classes=case.output_shape[0],
            )
        )

    index = bisect.bisect_left(_SIXTEENTHS, wanted, key=lambda x: count(_widths(x)))
    near = [_widths(x) for x in _SIXTEENTHS[max(index - 1, 0) : index + 1]]
    return min(near, key=lambda widths: abs(count(widths) - wanted))


def _widths(sixteenths: int) -> tuple[int, ...]:
    """Widths for that many sixteenths of a channel in the first stage."""
    return tuple(8 * max(1, round(sixteenths * 2**i / 128)) for i in range(4))
