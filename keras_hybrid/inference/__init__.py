"""Using a trained or exported model: predictions, and evaluation on labelled images."""

from keras_hybrid.inference.answer import Answer
from keras_hybrid.inference.answers import ANSWERS, Answers, register_answers
from keras_hybrid.inference.bulk.batch_predictor import BatchPredictor
from keras_hybrid.inference.bulk.predict_on_ray import Predicted, predict_on_ray
from keras_hybrid.inference.calibration import Calibration, calibration
from keras_hybrid.inference.class_evaluation import EvaluationResult
from keras_hybrid.inference.classifier import Classifier, load
from keras_hybrid.inference.embed import Embeddings, embed
from keras_hybrid.inference.embedding_files import write_npz, write_parquet
from keras_hybrid.inference.embedding_map import write_map
from keras_hybrid.inference.evaluate_model import evaluate
from keras_hybrid.inference.evaluation import Evaluation
from keras_hybrid.inference.evaluation_page import write_page
from keras_hybrid.inference.evaluation_text import evaluation_text
from keras_hybrid.inference.find_files import find_files
from keras_hybrid.inference.label_set_evaluation import LabelSetEvaluation
from keras_hybrid.inference.label_set_prediction import LabelSetPrediction
from keras_hybrid.inference.number_evaluation import NumberEvaluation
from keras_hybrid.inference.number_prediction import NumberPrediction
from keras_hybrid.inference.predict_files import FilePrediction, predict_files
from keras_hybrid.inference.prediction import Prediction
from keras_hybrid.inference.suggest import Suggestions, suggest
from keras_hybrid.inference.write_predictions import write_predictions

__all__ = [
    "ANSWERS",
    "Answer",
    "Answers",
    "BatchPredictor",
    "Calibration",
    "Classifier",
    "Embeddings",
    "Evaluation",
    "EvaluationResult",
    "FilePrediction",
    "LabelSetEvaluation",
    "LabelSetPrediction",
    "NumberEvaluation",
    "NumberPrediction",
    "Predicted",
    "Prediction",
    "Suggestions",
    "calibration",
    "embed",
    "evaluate",
    "evaluation_text",
    "find_files",
    "load",
    "predict_files",
    "predict_on_ray",
    "register_answers",
    "suggest",
    "write_map",
    "write_npz",
    "write_page",
    "write_parquet",
    "write_predictions",
]
