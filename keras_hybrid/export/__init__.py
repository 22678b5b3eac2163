"""Trained models as files that need no Keras, each checked before it counts."""

from keras_hybrid.export.report import ExportMismatch, Report
from keras_hybrid.export.write import export, to_litert, to_saved_model

__all__ = ["ExportMismatch", "Report", "export", "to_litert", "to_saved_model"]
