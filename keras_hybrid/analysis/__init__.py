"""What a built model costs and what it has learned to look at."""

from keras_hybrid.analysis.analysis_page import write_report
from keras_hybrid.analysis.attention_maps import (
    AttentionMap,
    AttentionProbe,
    attention_maps,
    class_attention,
    rollout,
)
from keras_hybrid.analysis.complexity import LayerCost, breakdown, macs
from keras_hybrid.analysis.equivariance import equivariance_errors, periodic_twin
from keras_hybrid.analysis.gates import (
    attention_centres,
    gate_overrides,
    gates,
    masked,
    masking_effect,
)
from keras_hybrid.analysis.locality import d_loc, nonlocality, position_nonlocality
from keras_hybrid.analysis.locality_logger import LocalityLogger, read_log
from keras_hybrid.analysis.paper_sizes import by_kind, size_table
from keras_hybrid.analysis.rank import rank_profile, rank_table, relative_residual
from keras_hybrid.analysis.receptive_field import reach, receptive_fields

__all__ = [
    "AttentionMap",
    "AttentionProbe",
    "LayerCost",
    "LocalityLogger",
    "attention_centres",
    "attention_maps",
    "breakdown",
    "by_kind",
    "class_attention",
    "d_loc",
    "equivariance_errors",
    "gate_overrides",
    "gates",
    "macs",
    "masked",
    "masking_effect",
    "nonlocality",
    "periodic_twin",
    "position_nonlocality",
    "rank_profile",
    "rank_table",
    "reach",
    "read_log",
    "receptive_fields",
    "relative_residual",
    "rollout",
    "size_table",
    "write_report",
]
