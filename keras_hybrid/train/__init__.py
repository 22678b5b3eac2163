"""Training: a recipe, what `model.fit` needs to follow it, and what a run leaves."""

from keras_hybrid.train.devices import Devices, plan
from keras_hybrid.train.fit import TrainingDiverged
from keras_hybrid.train.optimizer import adamw, is_decayed
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.run import run
from keras_hybrid.train.schedule import warmup_cosine

__all__ = [
    "Devices",
    "Recipe",
    "TrainingDiverged",
    "adamw",
    "is_decayed",
    "plan",
    "run",
    "warmup_cosine",
]
