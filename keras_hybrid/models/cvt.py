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

The initial weights are the released code's: N(0, 0.02) for dense layers and tokens,
uniform for convolutions. Only the head's bias starts from 0 instead of uniform.
"""

import dataclasses
from collections.abc import Sequence

from keras_hybrid.models.config import check_per_stage, option
from keras_hybrid.models.pyramid import Stage, blocks, network, of_stage
from keras_hybrid.models.registry import Family, family_builder, variant


@dataclasses.dataclass(frozen=True)
class CvTConfig:
    """Hyper-parameters of CvT, one value per stage where it is a tuple."""

    depths: tuple[int, ...] = option((1, 2, 10), "Blocks of each stage.")
    widths: tuple[int, ...] = option((64, 192, 384), "Channels of each stage.")
    heads: tuple[int, ...] = option((1, 3, 6), "Attention heads of each stage.")
    kernels: tuple[int, ...] = option(
        (7, 3, 3), "Kernel of each token embedding, in pixels."
    )
    strides: tuple[int, ...] = option((4, 2, 2), "Stride of each token embedding.")
    paddings: tuple[int, ...] = option(
        (2, 1, 1), "Zeros around each token embedding's input."
    )
    key_value_strides: tuple[int | Sequence[int], ...] = option(
        (2, 2, 2), "Stride of keys and values, also one per block: (2, 2, (1, 2))."
    )
    projections: tuple[str, ...] = option(
        ("conv",) * 3, "Projection of each stage: 'conv', 'avg' or 'linear'."
    )
    position_embedding: tuple[bool, ...] = option(
        (False,) * 3, "Stages with a learned position embedding (Table 5)."
    )
    class_token: bool = option(True, "Class token in the last stage, else the mean.")
    mlp_ratio: float | Sequence[float | Sequence[float]] = option(
        4, "Hidden width of the MLP over the width; also per stage or block."
    )
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
                width=self.widths[i],
                heads=self.heads[i],
                kernel=self.kernels[i],
                stride=self.strides[i],
                padding=self.paddings[i],
                blocks=blocks(
                    depth=self.depths[i],
                    mlp_ratio=of_stage(self.mlp_ratio, i),
                    key_value_stride=self.key_value_strides[i],
                ),
                activation=self.activation,
                projection=self.projections[i],
                position_embedding=self.position_embedding[i],
                class_token=self.class_token and last,
                drop_path_rate=self.drop_path_rate if last else 0.0,
            )
            for i, last in enumerate((False, False, True))
        ]


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
