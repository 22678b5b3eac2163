"""Training: a recipe, what `model.fit` needs to follow it, and what a run leaves."""

from keras_hybrid.train.callbacks import read_journal, summary
from keras_hybrid.train.devices import Devices, plan
from keras_hybrid.train.fit import TrainingDiverged
from keras_hybrid.train.optimizer import is_decayed, make_optimizer
from keras_hybrid.train.recipe import DEIT_AUGMENTATION, Recipe
from keras_hybrid.train.run import run
from keras_hybrid.train.schedule import warmup_cosine
from keras_hybrid.train.sweep import Sweep, print_table, sweep, write_csv

__all__ = [
    "DEIT_AUGMENTATION",
    "Devices",
    "Recipe",
    "Sweep",
    "TrainingDiverged",
    "is_decayed",
    "make_optimizer",
    "plan",
    "print_table",
    "read_journal",
    "run",
    "summary",
    "sweep",
    "warmup_cosine",
    "write_csv",
]
