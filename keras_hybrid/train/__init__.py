"""Training: a recipe, what `model.fit` needs to follow it, and what a run leaves."""

from keras_hybrid.train.devices import Devices, plan
from keras_hybrid.train.fit import TrainingDiverged
from keras_hybrid.train.metrics_logger import read_metrics, summary
from keras_hybrid.train.muon import Muon
from keras_hybrid.train.optimizer import decayed_variables, make_optimizer
from keras_hybrid.train.recipe import (
    DEIT_AUGMENTATION,
    FEW_IMAGES,
    Augmentation,
    Data,
    Network,
    Optimization,
    Recipe,
    Runtime,
    Selection,
)
from keras_hybrid.train.run import run
from keras_hybrid.train.schedule import ProgressSchedule
from keras_hybrid.train.sweep import Sweep, print_table, sweep, write_csv

__all__ = [
    "DEIT_AUGMENTATION",
    "FEW_IMAGES",
    "Augmentation",
    "Data",
    "Devices",
    "Muon",
    "Network",
    "Optimization",
    "Recipe",
    "Runtime",
    "Selection",
    "Sweep",
    "TrainingDiverged",
    "decayed_variables",
    "make_optimizer",
    "plan",
    "print_table",
    "read_metrics",
    "run",
    "summary",
    "sweep",
    "ProgressSchedule",
    "write_csv",
]
