"""The terms of a race: what a candidate is made of, and what all have in common."""

import dataclasses
import json
from typing import Any

import keras
import numpy as np

from benchmarks.cases import Case

LEARNING_RATE = 1e-4
ADAMW = {"weight_decay": 0.05, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}


@dataclasses.dataclass(frozen=True)
class Setup:
    """What a runner is made of.

    Attributes:
        candidate: One of `candidates.CANDIDATES`.
        case: What it implements.
        folder: Where the weights are: `weights.npz` by torch name, `model.keras`, and
            exported files.
        precision: `"float32"` or `"bfloat16"`.
        official: Folder of the official code, for peers.
    """

    candidate: str
    case: Case
    folder: str
    precision: str = "float32"
    official: str | None = None

    def to_json(self) -> str:
        """As text, for a process of its own."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Setup":
        """What `to_json` wrote."""
        fields = json.loads(text)
        return cls(**fields | {"case": Case(**fields["case"])})


def block_until_ready(answer: Any) -> None:
    """Waits until a device has computed what a function gave."""
    if hasattr(answer, "block_until_ready"):
        answer.block_until_ready()
    elif getattr(getattr(answer, "device", None), "type", "") == "cuda":
        import torch

        torch.cuda.synchronize()
    elif keras.backend.backend() == "tensorflow" and hasattr(answer, "numpy"):
        answer.numpy()


def to_numpy(answer: Any) -> np.ndarray:
    """A backend's tensor on the host, in float32."""
    if hasattr(answer, "detach"):
        answer = answer.detach().float().cpu().numpy()
    return np.asarray(answer, "float32")
