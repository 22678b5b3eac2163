"""What defines a candidate, and the settings that all candidates share."""

import dataclasses
import json
from typing import Any

import keras
import numpy as np

from benchmarks.cases import Case
from keras_hybrid.utils.typing import Tensor

LEARNING_RATE = 1e-4
ADAMW = {"weight_decay": 0.05, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}


@dataclasses.dataclass(frozen=True)
class Setup:
    """What defines a candidate.

    Attributes:
        candidate: One of `candidates.CANDIDATES`.
        case: The network or layer.
        folder: Folder of the weights (`weights.npz` by torch name, and `model.keras`)
            and of the exported files.
        precision: `"float32"` or `"bfloat16"`.
        official: Folder of the official code, for peers.
    """

    candidate: str
    case: Case
    folder: str
    precision: str = "float32"
    official: str | None = None

    def to_json(self) -> str:
        """The setup as text, for a child process."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Setup":
        """The setup that `to_json` wrote."""
        fields = json.loads(text)
        return cls(**fields | {"case": Case(**fields["case"])})


def block_until_ready(outputs: Any) -> None:
    """Waits until the device has computed the outputs."""
    if hasattr(outputs, "block_until_ready"):
        outputs.block_until_ready()
    elif getattr(getattr(outputs, "device", None), "type", "") == "cuda":
        import torch

        torch.cuda.synchronize()
    elif keras.backend.backend() == "tensorflow" and hasattr(outputs, "numpy"):
        outputs.numpy()


def to_numpy(outputs: Tensor) -> np.ndarray:
    """A tensor of any backend as a float32 array on the host."""
    if hasattr(outputs, "detach"):
        outputs = outputs.detach().float().cpu().numpy()
    return np.asarray(outputs, "float32")
