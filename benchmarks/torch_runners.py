"""Torch networks of others, eager or compiled."""

import pathlib
import time

import numpy as np

from benchmarks.candidates import CONTROLS
from benchmarks.peers import build_control, build_peer
from benchmarks.setup import ADAMW, LEARNING_RATE, Setup, block_until_ready, to_numpy


class Torch:
    """A torch network, eager or compiled, in the layout of its maps that is faster."""

    def __init__(self, setup: Setup):
        import torch

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.precision = setup.precision
        self.is_layer = False
        if setup.candidate in CONTROLS:
            self.module = build_control(setup.candidate)
        else:
            self.is_layer = setup.case.is_layer
            self.module = build_peer(setup.case, setup.official)
            load_weights(self.module, pathlib.Path(setup.folder) / "weights.npz")
        self.module = self.module.to(self.device)
        self.compiled = setup.candidate == "peer-compiled"
        self.layout = None

    def answer(self, x):
        return self._map(to_numpy(self.inference(x)()), x.shape)

    def inference(self, x):
        import torch

        self.module.eval()
        x = self._images(x)
        call = self._callable()

        def infer():
            with torch.inference_mode(), self._autocast():
                return call(x)

        return infer

    def training(self, x, y):
        import torch

        self.module.train()
        x, y = self._images(x), torch.from_numpy(y).to(self.device)
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
            y = y.flatten(1, 2)  # (B, N, C)

        def train():
            optimizer.zero_grad(set_to_none=True)
            with self._autocast():
                loss = loss_of(call(x), y)
            loss.backward()
            optimizer.step()
            return float(loss)

        return train

    def _callable(self):
        import torch

        return torch.compile(self.module) if self.compiled else self.module

    def _images(self, x):
        """`(B, H, W, C)` on the device as `(B, C, H, W)`, in the faster layout."""
        import torch

        x = torch.from_numpy(x).permute(0, 3, 1, 2).to(self.device)
        layouts = {
            "channels first": torch.contiguous_format,
            "channels last": torch.channels_last,
        }
        if self.layout is None:
            self.layout = min(layouts, key=lambda name: self._trial(x, layouts[name]))
        format = layouts[self.layout]
        self.module = self.module.to(memory_format=format)
        return x.contiguous(memory_format=format)

    def _trial(self, x, format) -> float:
        import torch

        training = self.module.training
        module = self.module.to(memory_format=format).eval()
        x = x.contiguous(memory_format=format)
        times = []
        with torch.inference_mode(), self._autocast():
            for _ in range(4):
                began = time.perf_counter()
                block_until_ready(module(x))
                times.append(time.perf_counter() - began)
        module.train(training)
        return min(times[1:])

    def _autocast(self):
        import torch

        return torch.autocast(
            self.device, torch.bfloat16, enabled=self.precision == "bfloat16"
        )

    def _map(self, answer, shape):
        return answer.reshape(shape) if self.is_layer else answer


def load_weights(module, path: pathlib.Path) -> None:
    """Puts the tensors of a file, by torch name, into a module that has them all."""
    import torch

    with np.load(path) as file:
        own = module.state_dict()
        module.load_state_dict(
            {name: torch.from_numpy(file[name]).to(own[name].dtype) for name in own}
        )
