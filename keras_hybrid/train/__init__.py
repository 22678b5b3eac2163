"""Training: a recipe, what `model.fit` needs to follow it, and what a run leaves."""

from keras_hybrid.train.devices import Devices, plan
from keras_hybrid.train.earlier_run import recipe_from
from keras_hybrid.train.fit import TrainingDiverged
from keras_hybrid.train.forecast import Forecast, dry_run
from keras_hybrid.train.headline import Headline, headline
from keras_hybrid.train.learning_curve import learning_curve
from keras_hybrid.train.learning_curve_options import LearningCurve
from keras_hybrid.train.metrics_logger import read_metrics, summary
from keras_hybrid.train.muon import Muon
from keras_hybrid.train.optimizer import decayed_variables, make_optimizer
from keras_hybrid.train.range_test import RangeTest, find_lr
from keras_hybrid.train.recipe import (
    DEIT_AUGMENTATION,
    FEW_IMAGES,
    Augmentation,
    Data,
    FineTuning,
    Network,
    Optimization,
    Recipe,
    Runtime,
    Selection,
)
from keras_hybrid.train.review import LabelReview, review_labels
from keras_hybrid.train.run import run
from keras_hybrid.train.run_result import RunResult
from keras_hybrid.train.schedule import ProgressSchedule
from keras_hybrid.train.sweep import Sweep, mean_and_spread, print_table, sweep
from keras_hybrid.train.tasks import Task, get_task, register_task
from keras_hybrid.utils.csv_rows import write_csv

__all__ = [
    "DEIT_AUGMENTATION",
    "FEW_IMAGES",
    "Augmentation",
    "Data",
    "Devices",
    "FineTuning",
    "Forecast",
    "Headline",
    "LabelReview",
    "LearningCurve",
    "Muon",
    "Network",
    "Optimization",
    "RangeTest",
    "Recipe",
    "RunResult",
    "Runtime",
    "Selection",
    "Sweep",
    "Task",
    "TrainingDiverged",
    "decayed_variables",
    "dry_run",
    "find_lr",
    "get_task",
    "headline",
    "learning_curve",
    "make_optimizer",
    "mean_and_spread",
    "plan",
    "print_table",
    "read_metrics",
    "recipe_from",
    "register_task",
    "review_labels",
    "run",
    "summary",
    "sweep",
    "ProgressSchedule",
    "write_csv",
]
