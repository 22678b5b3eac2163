"""Exports trained models to files that need no Keras, and checks each file."""

from keras_hybrid.export.check import verify
from keras_hybrid.export.export_report import ExportMismatch, Report
from keras_hybrid.export.exporters import (
    export,
    to_litert,
    to_onnx,
    to_openvino,
    to_saved_model,
)
from keras_hybrid.export.fold import fold
from keras_hybrid.export.formats import FORMATS, Format, register_format
from keras_hybrid.export.optimize import optimize_for_inference

__all__ = [
    "ExportMismatch",
    "FORMATS",
    "Format",
    "Report",
    "export",
    "fold",
    "optimize_for_inference",
    "register_format",
    "to_litert",
    "to_onnx",
    "to_openvino",
    "to_saved_model",
    "verify",
]
