"""Labels in arrays: class numbers, however they are stored."""

import numpy as np


def class_numbers(labels: np.ndarray, classes: int) -> np.ndarray:
    """Class numbers `(N,)` from an array of labels.

    Args:
        labels: Class numbers `(N,)` or `(N, 1)`; of floats only whole ones.
        classes: Number of classes.

    Raises:
        ValueError: If they are one-hot, no whole numbers, or no class has one of them.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.shape[1] == classes:
        raise ValueError(
            "Labels are one-hot or probabilities; give class numbers, e.g. "
            "labels.argmax(-1)."
        )
    if labels.ndim != 1 or labels.dtype.kind not in "iuf":
        raise ValueError(
            "Labels must be an array (N,) of integer class numbers, not "
            f"{labels.dtype} {labels.shape}."
        )
    with np.errstate(invalid="ignore"):  # NaN is found below
        numbers = labels.astype("int64")
    wrong = labels[(numbers != labels) | (labels < 0) | (labels >= classes)]
    if len(wrong):
        raise ValueError(
            f"Labels must be whole numbers in [0, {classes - 1}]; one is {wrong[0]}."
        )
    return numbers


def check_labels(labels: np.ndarray, outputs: int) -> None:
    """Checks labels against the outputs of a network.

    Args:
        labels: Class numbers `(N,)`, or rows `(N, outputs)`.
        outputs: Number of classes, or of other outputs.

    Raises:
        ValueError: If no output has one of the numbers, or rows have another length.
    """
    if labels.ndim == 1:
        class_numbers(labels, outputs)
    elif labels.shape[1:] != (outputs,):
        raise ValueError(f"Labels are {labels.shape}; there are {outputs} outputs.")


def likeliest(labels: np.ndarray) -> np.ndarray:
    """Class numbers `(N,)` of these, or of rows with a share for each class."""
    return labels if labels.ndim == 1 else labels.argmax(-1)
