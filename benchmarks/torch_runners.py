"""The runner of peers and controls, which are torch modules."""

import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.candidates import CONTROLS, RIVAL
from benchmarks.peers import build_control, build_peer
from benchmarks.rival import build_rival
from benchmarks.setup import ADAMW, LEARNING_RATE, Setup, block_until_ready, to_numpy
from keras_hybrid.utils.typing import Tensor


class Torch:
    """A torch module, eager or compiled, in its faster memory format."""

    def __init__(self, setup: Setup):
        import torch

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.precision = setup.precision
        self.is_layer = False
        if setup.candidate in CONTROLS:
            self.module = build_control(setup.candidate)
        elif setup.candidate == RIVAL:
            self.module = build_rival(setup.case)
        else:
            self.is_layer = setup.case.is_layer
            self.module = build_peer(setup.case, setup.official)
            load_weights(self.module, pathlib.Path(setup.folder) / "weights.npz")
        self.module = self.module.to(self.device)
        self.compiled = setup.candidate == "peer-compiled"
        self.memory_format: Any = None

    def outputs(self, x: np.ndarray) -> np.ndarray:
        outputs = to_numpy(self.inference(x)())
        return outputs.reshape(x.shape) if self.is_layer else outputs

    def inference(self, x: np.ndarray) -> Callable[[], Tensor]:
        import torch

        self.module.eval()
        images = self._to_device(x)
        call = self._callable()

        def infer() -> Tensor:
            with torch.inference_mode(), self._autocast():
                return call(images)

        return infer

    def training(self, x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
        import torch

        self.module.train()
        images, labels = self._to_device(x), torch.from_numpy(y).to(self.device)
        call = self._callable()
        optimizer = torch.optim.AdamW(
            self.module.parameters(),
            LEARNING_RATE,
            (ADAMW["beta_1"], ADAMW["beta_2"]),
            ADAMW["epsilon"],
            ADAMW["weight_decay"],
            fused=True,
        )
        loss_of = torch.nn.CrossEntropyLoss()
        if self.is_layer:
            loss_of = torch.nn.MSELoss()
            labels = labels.flatten(1, 2)  # (B, N, C)

        def train() -> float:
            optimizer.zero_grad(set_to_none=True)
            with self._autocast():
                loss = loss_of(call(images), labels)
            loss.backward()
            optimizer.step()
            return float(loss)

        return train

    def _callable(self) -> Callable[[Tensor], Tensor]:
        import torch

        return torch.compile(self.module) if self.compiled else self.module

    def _to_device(self, x: np.ndarray) -> Tensor:
        """Images `(B, H, W, C)` as `(B, C, H, W)` on the device.

        The first call chooses the faster memory format, for the module as well.
        """
        import torch

        images = torch.from_numpy(x).permute(0, 3, 1, 2).to(self.device)
        if self.memory_format is None:
            formats = (torch.contiguous_format, torch.channels_last)
            self.memory_format = min(formats, key=lambda f: self._seconds(images, f))
        self.module = self.module.to(memory_format=self.memory_format)
        return images.contiguous(memory_format=self.memory_format)

    def _seconds(self, x: Tensor, memory_format: Any) -> float:
        """Time of inference in a memory format."""
        import torch

        training = self.module.training
        module = self.module.to(memory_format=memory_format).eval()
        x = x.contiguous(memory_format=memory_format)
        times = []
        with torch.inference_mode(), self._autocast():
            for _ in range(4):
                began = time.perf_counter()
                block_until_ready(module(x))
                times.append(time.perf_counter() - began)
        module.train(training)
        return min(times[1:])

    def _autocast(self) -> Any:
        import torch

        return torch.autocast(
            self.device, torch.bfloat16, enabled=self.precision == "bfloat16"
        )


def load_weights(module: Any, path: pathlib.Path) -> None:
    """Loads the tensors of an .npz file with torch names into a torch module."""
    import torch

    with np.load(path) as file:
        state = module.state_dict()
        module.load_state_dict(
            {name: torch.from_numpy(file[name]).to(state[name].dtype) for name in state}
        )
