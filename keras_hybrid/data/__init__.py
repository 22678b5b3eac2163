"""Data sets, class-balanced subsets and the batches that training reads."""

from keras_hybrid.data.augmentation import Augmentation
from keras_hybrid.data.batches import Batches
from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.evaluation import Evaluation
from keras_hybrid.data.sources import SOURCES, load
from keras_hybrid.data.subset import balanced_split

__all__ = [
    "Augmentation",
    "Batches",
    "Dataset",
    "Evaluation",
    "SOURCES",
    "Split",
    "balanced_split",
    "load",
]
