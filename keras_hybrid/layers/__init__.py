"""The layers that the families are built from, one concept per file."""

from keras_hybrid.layers.activations import gelu, quick_gelu
from keras_hybrid.layers.attention import DotProductAttention
from keras_hybrid.layers.batch_norm import BatchNorm
from keras_hybrid.layers.channel_statistics import ChannelStatistics
from keras_hybrid.layers.class_token import (
    ClassToken,
    SelectToken,
    SplitClassToken,
    StackTokens,
)
from keras_hybrid.layers.conv_embedding import ConvEmbedding
from keras_hybrid.layers.conv_projection import ConvProjection
from keras_hybrid.layers.convolution import PaddedConv2D
from keras_hybrid.layers.dense import Dense
from keras_hybrid.layers.depthwise import PaddedDepthwiseConv2D
from keras_hybrid.layers.drop_path import DropPath, drop_path_schedule
from keras_hybrid.layers.familiarity import Familiarity
from keras_hybrid.layers.feature_output import FeatureOutput
from keras_hybrid.layers.fixed_positional import FixedPositionalAttention
from keras_hybrid.layers.gated_positional import GatedPositionalAttention
from keras_hybrid.layers.image_statistics import ImageStatistics
from keras_hybrid.layers.layer_norm import LayerNorm
from keras_hybrid.layers.layer_scale import LayerScale
from keras_hybrid.layers.leff import LeFF
from keras_hybrid.layers.mbconv import MBConv
from keras_hybrid.layers.override_attributes import override_attributes
from keras_hybrid.layers.pooling import PaddedMaxPool2D
from keras_hybrid.layers.position import PositionEmbedding
from keras_hybrid.layers.relative_attention import RelativeAttention
from keras_hybrid.layers.relative_position import RelativePositionBias
from keras_hybrid.layers.residual import ResidualEmbedding, SeparableUnit
from keras_hybrid.layers.squeeze_excite import SqueezeExcite
from keras_hybrid.layers.views import VIEWS, MeanOfViews, StackViews

__all__ = [
    "VIEWS",
    "MeanOfViews",
    "StackViews",
    "BatchNorm",
    "ChannelStatistics",
    "ClassToken",
    "ConvEmbedding",
    "ConvProjection",
    "DotProductAttention",
    "DropPath",
    "FixedPositionalAttention",
    "GatedPositionalAttention",
    "Familiarity",
    "ImageStatistics",
    "LeFF",
    "LayerNorm",
    "LayerScale",
    "Dense",
    "MBConv",
    "PaddedConv2D",
    "PaddedDepthwiseConv2D",
    "PaddedMaxPool2D",
    "PositionEmbedding",
    "RelativeAttention",
    "RelativePositionBias",
    "ResidualEmbedding",
    "SeparableUnit",
    "SplitClassToken",
    "StackTokens",
    "SelectToken",
    "SqueezeExcite",
    "FeatureOutput",
    "drop_path_schedule",
    "gelu",
    "quick_gelu",
    "override_attributes",
]
