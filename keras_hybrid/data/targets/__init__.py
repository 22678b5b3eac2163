"""What a model learns of images: a reader of labels for every task, by its name."""

from keras_hybrid.data.targets.class_targets import ClassTargets
from keras_hybrid.data.targets.label_set_targets import LabelSetTargets
from keras_hybrid.data.targets.number_targets import NumberTargets
from keras_hybrid.data.targets.target_reader import TargetReader, target_rows

CLASSIFICATION = "classification"
"""The task of a dataset that names no other."""

TARGETS: dict[str, TargetReader] = {
    CLASSIFICATION: ClassTargets(),
    "multilabel": LabelSetTargets(),
    "regression": NumberTargets(),
}
"""Readers of labels by the name of their task; `train.register_task` adds one."""


def get_targets(task: str) -> TargetReader:
    """The reader of a task's labels.

    Raises:
        ValueError: If there is no such task; the message lists the known names.
    """
    if task not in TARGETS:
        raise ValueError(f"task must be one of {', '.join(TARGETS)}, not {task!r}.")
    return TARGETS[task]


__all__ = [
    "CLASSIFICATION",
    "TARGETS",
    "ClassTargets",
    "LabelSetTargets",
    "NumberTargets",
    "TargetReader",
    "get_targets",
    "target_rows",
]
