"""Datasets, class-balanced splits, image reading, augmentation and batches."""

from keras_hybrid.data.augmentation import Augmentation
from keras_hybrid.data.batches import Batches
from keras_hybrid.data.check import Finding, FolderCheck, check_folder
from keras_hybrid.data.corrections import Correction, read_corrections
from keras_hybrid.data.custom_augmentation import (
    CustomAugmentation,
    register_augmentation,
)
from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.eval_batches import Evaluation
from keras_hybrid.data.find_pixel_range import find_pixel_range
from keras_hybrid.data.grouped_splits import grouped_folds, grouped_split
from keras_hybrid.data.image_groups import image_groups
from keras_hybrid.data.lazy_images import LazyImages
from keras_hybrid.data.manifest import write_manifest
from keras_hybrid.data.pixel_range import PixelRange
from keras_hybrid.data.read_images import load_images, read_image
from keras_hybrid.data.read_table import ImageRecord, read_table
from keras_hybrid.data.resize import (
    TRAINING_RESIZE,
    describe_preprocessing,
    resize_and_crop,
)
from keras_hybrid.data.sources import SOURCES, DatasetSource, load, register_dataset
from keras_hybrid.data.splits import (
    balanced_split,
    per_class_split,
    stratified_folds,
    stratified_split,
)

__all__ = [
    "Augmentation",
    "Batches",
    "Correction",
    "CustomAugmentation",
    "Dataset",
    "DatasetSource",
    "Evaluation",
    "Finding",
    "FolderCheck",
    "ImageRecord",
    "LazyImages",
    "PixelRange",
    "SOURCES",
    "Split",
    "TRAINING_RESIZE",
    "balanced_split",
    "check_folder",
    "describe_preprocessing",
    "find_pixel_range",
    "grouped_folds",
    "grouped_split",
    "image_groups",
    "load",
    "load_images",
    "per_class_split",
    "read_corrections",
    "read_image",
    "read_table",
    "register_augmentation",
    "register_dataset",
    "resize_and_crop",
    "stratified_folds",
    "stratified_split",
    "write_manifest",
]
