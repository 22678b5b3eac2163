"""The runner of each candidate, ready to be timed.

A runner gives functions of no argument. An inference begins with the images on the
device and ends with the logits there; a training step ends with its loss on the host.
Its optimizer is AdamW, its loss the cross-entropy (of a layer: the mean square).
"""

from benchmarks.candidates import CONTROLS, FILES, PEERS
from benchmarks.keras_runners import Exported, Jax, KerasTorch, TensorFlow, load_model
from benchmarks.setup import Setup
from benchmarks.torch_runners import Torch


def open_runner(setup: Setup):
    """The runner of a candidate; the process has to be on its backend."""
    if setup.candidate in FILES:
        return Exported(setup)
    if setup.candidate in (*PEERS, *CONTROLS):
        return Torch(setup)
    runner = {"jax": Jax, "tensorflow": TensorFlow, "torch": KerasTorch}
    return runner[setup.candidate](load_model(setup))
