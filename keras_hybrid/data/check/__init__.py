"""Looks at a folder of images before a network trains on it."""

from keras_hybrid.data.check.check_folder import check_folder
from keras_hybrid.data.check.finding import Finding, FolderCheck

__all__ = ["Finding", "FolderCheck", "check_folder"]
