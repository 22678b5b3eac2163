"""The runner of each candidate.

A runner returns functions without arguments. Inference starts with the images on the
device and ends with the logits there. A training step ends with its loss on the host;
its optimizer is AdamW and its loss the cross-entropy (for a layer the mean squared
error).
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from benchmarks.candidates import FILES, OTHER_NETWORKS, PEERS
from benchmarks.keras_runners import Exported, Jax, KerasTorch, TensorFlow, load_model
from benchmarks.setup import Setup
from benchmarks.torch_runners import Torch
from keras_hybrid.utils.typing import Tensor


class Runner(Protocol):
    """Runs one candidate."""

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """The outputs for normalized images `(B, H, W, C)`."""

    def inference(self, x: np.ndarray) -> Callable[[], Tensor]:
        """A function that computes the outputs for these images."""

    def training(self, x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
        """A function that takes a training step and returns the loss."""


def open_runner(setup: Setup) -> Runner:
    """The runner of a candidate; `KERAS_BACKEND` must be the candidate's backend."""
    if setup.candidate in FILES:
        return Exported(setup)
    if setup.candidate in (*PEERS, *OTHER_NETWORKS):
        return Torch(setup)
    runners: dict[str, Callable[..., Runner]] = {
        "jax": Jax,
        "tensorflow": TensorFlow,
        "torch": KerasTorch,
    }
    return runners[setup.candidate](load_model(setup))
