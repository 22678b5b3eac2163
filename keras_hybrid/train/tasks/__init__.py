"""The tasks by name, and the function that adds another one."""

from keras_hybrid.data.targets import TARGETS, TargetReader
from keras_hybrid.train.tasks.classification import Classification
from keras_hybrid.train.tasks.multilabel import MultiLabel
from keras_hybrid.train.tasks.regression import Regression
from keras_hybrid.train.tasks.task import Task

TASKS: dict[str, Task] = {
    task.name: task for task in (Classification(), MultiLabel(), Regression())
}
"""What `--task` may be."""


def register_task(task: Task, targets: TargetReader) -> None:
    """Adds a task, for `Recipe(task=name)` in this process.

    Args:
        task: What is trained, and how it is judged.
        targets: Reads its labels.

    Raises:
        ValueError: If the name is taken.
    """
    if task.name in TASKS:
        raise ValueError(f"The task name {task.name!r} is taken; choose another.")
    TASKS[task.name], TARGETS[task.name] = task, targets


def get_task(name: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: If there is no such task; the message lists the known names.
    """
    if name not in TASKS:
        raise ValueError(f"--task must be one of {', '.join(TASKS)}, not {name}.")
    return TASKS[name]


__all__ = [
    "TASKS",
    "Classification",
    "MultiLabel",
    "Regression",
    "Task",
    "get_task",
    "register_task",
]
