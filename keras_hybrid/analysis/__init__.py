"""Attention maps, receptive fields, parameters and multiply-adds of a model."""

from keras_hybrid.analysis.analysis_page import write_report
from keras_hybrid.analysis.attention_map import AttentionMap
from keras_hybrid.analysis.attention_probe import (
    AttentionProbe,
    attention_maps,
    class_attention,
)
from keras_hybrid.analysis.complexity import LayerCost, breakdown, macs
from keras_hybrid.analysis.equivariance import equivariance_errors, periodic_copy
from keras_hybrid.analysis.gates import (
    AttentionCenters,
    attention_centers,
    gates,
)
from keras_hybrid.analysis.locality import d_loc, nonlocality
from keras_hybrid.analysis.locality_logger import LocalityLogger, read_log
from keras_hybrid.analysis.masking import gate_overrides, masked, masking_effect
from keras_hybrid.analysis.paper_sizes import size_by_type, size_table
from keras_hybrid.analysis.rank import rank_profile, rank_table, relative_residual
from keras_hybrid.analysis.receptive_field import field_statistics, receptive_fields
from keras_hybrid.analysis.rollout import rollout

__all__ = [
    "AttentionCenters",
    "AttentionMap",
    "AttentionProbe",
    "LayerCost",
    "LocalityLogger",
    "attention_centers",
    "attention_maps",
    "breakdown",
    "class_attention",
    "d_loc",
    "equivariance_errors",
    "field_statistics",
    "gate_overrides",
    "gates",
    "macs",
    "masked",
    "masking_effect",
    "nonlocality",
    "periodic_copy",
    "rank_profile",
    "rank_table",
    "read_log",
    "receptive_fields",
    "relative_residual",
    "rollout",
    "size_by_type",
    "size_table",
    "write_report",
]
