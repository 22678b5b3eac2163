"""Training: a recipe, what `model.fit` needs to follow it, and what a run leaves."""

from keras_hybrid.train.devices import Devices, plan
from keras_hybrid.train.fit import TrainingDiverged
from keras_hybrid.train.headline import Headline, headline
from keras_hybrid.train.metrics_logger import read_metrics, summary
from keras_hybrid.train.muon import Muon
from keras_hybrid.train.optimizer import decayed_variables, make_optimizer
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
from keras_hybrid.train.run import run
from keras_hybrid.train.run_result import RunResult
from keras_hybrid.train.schedule import ProgressSchedule
from keras_hybrid.train.sweep import Sweep, mean_and_spread, print_table, sweep
from keras_hybrid.utils.csv_rows import write_csv

__all__ = [
    "DEIT_AUGMENTATION",
    "FEW_IMAGES",
    "Augmentation",
    "Data",
    "Devices",
    "FineTuning",
    "Headline",
    "Muon",
    "Network",
    "Optimization",
    "Recipe",
    "RunResult",
    "Runtime",
    "Selection",
    "Sweep",
    "TrainingDiverged",
    "decayed_variables",
    "headline",
    "make_optimizer",
    "mean_and_spread",
    "plan",
    "print_table",
    "read_metrics",
    "run",
    "summary",
    "sweep",
    "ProgressSchedule",
    "write_csv",
]
