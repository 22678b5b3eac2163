"""One implementation each, ready to be timed: ours by backend or file, and peers.

A runner gives functions of no argument. An inference begins with the images on the
device and ends with the logits there; a training step ends with its loss on the host.
Its optimizer is AdamW, its loss the cross-entropy (of a layer: the mean square).
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_hybrid.bench import peers
from keras_hybrid.bench.candidates import CONTROLS, FILES, PEERS
from keras_hybrid.bench.subjects import Subject
from keras_hybrid.export.runtime import open_exported
from keras_hybrid.layers import depthwise_form

LEARNING_RATE = 1e-4
ADAMW = {"weight_decay": 0.05, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}


@dataclasses.dataclass(frozen=True)
class Setup:
    """What a runner is made of.

    Attributes:
        candidate: One of `candidates.CANDIDATES`.
        subject: What it implements.
        folder: Where the weights are: `weights.npz` by torch name, `model.keras`, and
            exported files.
        precision: `"float32"` or `"bfloat16"`.
        official: Folder of the official code, for peers.
    """

    candidate: str
    subject: Subject
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
        return cls(**fields | {"subject": Subject(**fields["subject"])})


def open_runner(setup: Setup):
    """The runner of a candidate; the process has to be on its backend."""
    if setup.candidate in FILES:
        return Exported(setup)
    if setup.candidate in (*PEERS, *CONTROLS):
        return Torch(setup)
    runner = {"jax": Jax, "tensorflow": TensorFlow, "torch": KerasTorch}
    return runner[setup.candidate](_load(setup))


def _load(setup: Setup) -> keras.Model:
    if setup.precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    model = setup.subject.build()
    model.load_weights(pathlib.Path(setup.folder) / "model.keras")
    return model


class _Ours:
    """A Keras model, compiled or not as its backend runs it fastest."""

    def __init__(self, model: keras.Model):
        self.model = model
        self.loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        if len(model.output_shape) > 2:  # a layer's map
            self.loss = keras.losses.MeanSquaredError()
        self.optimizer = keras.optimizers.AdamW(LEARNING_RATE, **ADAMW)

    def answer(self, x: np.ndarray) -> np.ndarray:
        return _numpy(self.inference(x)())

    def training(self, x, y) -> Callable[[], float]:
        self.model.compile(self.optimizer, self.loss, jit_compile=self.jit_compile)
        x, y = (keras.ops.convert_to_tensor(value) for value in (x, y))
        return lambda: float(self.model.train_on_batch(x, y))


class Jax(_Ours):
    """`jax.jit` around the stateless call; the training step gives its state back."""

    def inference(self, x):
        import jax

        weights, x = self.state()[:2], jax.device_put(x)
        call = jax.jit(self.forward)
        return lambda: call(weights, x)

    def training(self, x, y):
        import jax

        state, x, y = self.state(), jax.device_put(x), jax.device_put(y)
        step = jax.jit(self.step, donate_argnums=0)

        def train():
            nonlocal state
            loss, state = step(state, x, y)
            return float(loss)

        return train

    def forward(self, weights, x):
        """`((trainable, others), images) -> logits`."""
        return self.model.stateless_call(*weights, x, training=False)[0]

    def step(self, state, x, y):
        """`(state, images, labels) -> (loss, state)`, as `model.fit` does it."""
        import jax

        trainable, others, optimizer = state

        def loss_of(trainable, others):
            answer, others = self.model.stateless_call(
                trainable, others, x, training=True
            )
            return self.loss(y, answer), others

        value_and_gradients = jax.value_and_grad(loss_of, has_aux=True)
        (loss, others), gradients = value_and_gradients(trainable, others)
        trainable, optimizer = self.optimizer.stateless_apply(
            optimizer, gradients, trainable
        )
        return loss, [trainable, others, optimizer]

    def state(self) -> list:
        """Copies of the trainable weights, the others, and the optimizer's."""
        import jax

        model = self.model
        if not self.optimizer.built:
            self.optimizer.build(model.trainable_variables)
        parts = (model.trainable_variables, model.non_trainable_variables)
        return [
            [jax.numpy.copy(variable.value) for variable in part]
            for part in (*parts, self.optimizer.variables)
        ]


class TensorFlow(_Ours):
    """Compiled by XLA, which wants the shifted form of depthwise convolutions."""

    jit_compile = True

    def inference(self, x):
        import tensorflow as tf

        x = tf.constant(x)
        call = tf.function(lambda x: self.model(x, training=False), jit_compile=True)
        with depthwise_form(self.model, "shifted"):
            call(x)
        return lambda: call(x)

    def training(self, x, y):
        train = super().training(x, y)

        def shifted():
            with depthwise_form(self.model, "shifted"):
                return train()

        return shifted


class KerasTorch(_Ours):
    """Keras on torch, eagerly."""

    jit_compile = False

    def inference(self, x):
        import torch

        x = keras.ops.convert_to_tensor(x)

        def call():
            with torch.no_grad():
                return self.model(x, training=False)

        return call


class Exported:
    """An exported file in its own runtime, on all cores; it only infers."""

    def __init__(self, setup: Setup):
        self.run, _ = open_exported(pathlib.Path(setup.folder) / FILES[setup.candidate])

    def answer(self, x):
        return self.run(x)["logits"]

    def inference(self, x):
        return lambda: self.run(x)["logits"]


class Torch:
    """A torch network, eager or compiled, in the layout of its maps that is faster."""

    def __init__(self, setup: Setup):
        import torch

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.precision = setup.precision
        self.is_layer = False
        if setup.candidate in CONTROLS:
            self.module = peers.build_control(setup.candidate)
        else:
            self.is_layer = setup.subject.is_layer
            self.module = peers.build_peer(setup.subject, setup.official)
            load_weights(self.module, pathlib.Path(setup.folder) / "weights.npz")
        self.module = self.module.to(self.device)
        self.compiled = setup.candidate == "peer-compiled"
        self.layout = None

    def answer(self, x):
        return self._map(_numpy(self.inference(x)()), x.shape)

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
        import time

        import torch

        training = self.module.training
        module = self.module.to(memory_format=format).eval()
        x = x.contiguous(memory_format=format)
        times = []
        with torch.inference_mode(), self._autocast():
            for _ in range(4):
                began = time.perf_counter()
                settle(module(x))
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


def settle(answer: Any) -> None:
    """Waits until a device has computed what a function gave."""
    if hasattr(answer, "block_until_ready"):
        answer.block_until_ready()
    elif getattr(getattr(answer, "device", None), "type", "") == "cuda":
        import torch

        torch.cuda.synchronize()
    elif keras.backend.backend() == "tensorflow" and hasattr(answer, "numpy"):
        answer.numpy()


def _numpy(answer) -> np.ndarray:
    if hasattr(answer, "detach"):
        answer = answer.detach().float().cpu().numpy()
    return np.asarray(answer, "float32")
