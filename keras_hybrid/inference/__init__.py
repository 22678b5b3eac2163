"""Using a trained or exported model: predictions, and evaluation on labelled images."""

from keras_hybrid.inference.calibration import Calibration, calibration
from keras_hybrid.inference.classifier import Classifier, load
from keras_hybrid.inference.evaluate_model import EvaluationResult, evaluate
from keras_hybrid.inference.evaluation_page import write_page
from keras_hybrid.inference.evaluation_text import evaluation_text
from keras_hybrid.inference.find_files import find_files
from keras_hybrid.inference.predict_files import FilePrediction, predict_files
from keras_hybrid.inference.prediction import Prediction
from keras_hybrid.inference.write_predictions import write_predictions

__all__ = [
    "Calibration",
    "Classifier",
    "EvaluationResult",
    "FilePrediction",
    "Prediction",
    "calibration",
    "evaluate",
    "evaluation_text",
    "find_files",
    "load",
    "predict_files",
    "write_page",
    "write_predictions",
]
