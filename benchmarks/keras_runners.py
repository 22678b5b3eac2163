"""Runners of the Keras model on each backend, and of its exported files."""

import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from benchmarks.candidates import FILES
from benchmarks.setup import ADAMW, LEARNING_RATE, Setup, to_numpy
from keras_hybrid import ops
from keras_hybrid.export.runtime import open_exported
from keras_hybrid.utils.typing import Tensor


def load_model(setup: Setup) -> keras.Model:
    """The Keras model in the precision of the setup, with the shared weights."""
    if setup.precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    model = setup.case.build()
    model.load_weights(pathlib.Path(setup.folder) / "model.keras")
    return model


class _KerasModel:
    """A Keras model in the fastest mode of its backend, compiled or eager."""

    jit_compile: bool

    def __init__(self, model: keras.Model):
        self.model = model
        self.loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        if len(model.output_shape) > 2:  # a layer's feature map
            self.loss = keras.losses.MeanSquaredError()
        self.optimizer = keras.optimizers.AdamW(LEARNING_RATE, **ADAMW)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return to_numpy(self.inference(x)())

    def inference(self, x: np.ndarray) -> Callable[[], Tensor]:
        raise NotImplementedError

    def training(self, x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
        self.model.compile(self.optimizer, self.loss, jit_compile=self.jit_compile)
        x, y = (keras.ops.convert_to_tensor(value) for value in (x, y))
        return lambda: float(self.model.train_on_batch(x, y))


class Jax(_KerasModel):
    """`jax.jit` around the stateless call; the training step donates its state."""

    def inference(self, x: np.ndarray) -> Callable[[], Tensor]:
        import jax

        weights, images = self.weights(), jax.device_put(x)
        call = jax.jit(self.forward)
        return lambda: call(weights, images)

    def training(self, x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
        import jax

        state, images, labels = self.state(), jax.device_put(x), jax.device_put(y)
        step = jax.jit(self.step, donate_argnums=0)

        def train() -> float:
            nonlocal state
            loss, state = step(state, images, labels)
            return float(loss)

        return train

    def forward(self, weights: list, x: Tensor) -> Tensor:
        """`((trainable, others), images) -> logits`."""
        return self.model.stateless_call(*weights, x, training=False)[0]

    def step(self, state: list, x: Tensor, y: Tensor) -> tuple[Tensor, list]:
        """`(state, images, labels) -> (loss, state)`, the step of `model.fit`."""
        import jax

        trainable, others, optimizer = state

        def loss_of(trainable: list, others: list) -> tuple[Tensor, list]:
            outputs, others = self.model.stateless_call(
                trainable, others, x, training=True
            )
            return self.loss(y, outputs), others

        value_and_gradients = jax.value_and_grad(loss_of, has_aux=True)
        (loss, others), gradients = value_and_gradients(trainable, others)
        trainable, optimizer = self.optimizer.stateless_apply(
            optimizer, gradients, trainable
        )
        return loss, [trainable, others, optimizer]

    def compiled(
        self, task: str, x: np.ndarray, y: np.ndarray, donate: bool = True
    ) -> tuple[Any, tuple]:
        """The compiled function of a task, and its arguments.

        Args:
            task: `"inference"` or `"training"`.
            x: Images.
            y: Labels.
            donate: Whether the training step may overwrite the state in its
                arguments, after which these arguments cannot be used again.
        """
        import jax

        arguments: tuple
        if task == "inference":
            function, arguments = jax.jit(self.forward), (self.weights(), x)
        else:
            function = jax.jit(self.step, donate_argnums=0 if donate else ())
            arguments = (self.state(), x, y)
        return function.lower(*arguments).compile(), arguments

    def weights(self) -> list:
        """Values of the trainable and of the other variables."""
        parts = (self.model.trainable_variables, self.model.non_trainable_variables)
        return [[variable.value for variable in part] for part in parts]

    def state(self) -> list:
        """Copies of all variables, with the optimizer's, for a step to overwrite."""
        import jax

        self.optimizer.build(self.model.trainable_variables)
        optimizer = [variable.value for variable in self.optimizer.variables]
        return jax.tree.map(jax.numpy.copy, [*self.weights(), optimizer])


class TensorFlow(_KerasModel):
    """Compiled by XLA, which runs the shifted form of depthwise convolutions faster."""

    jit_compile = True

    def inference(self, x: np.ndarray) -> Callable[[], Tensor]:
        import tensorflow as tf

        images = tf.constant(x)
        call = tf.function(lambda x: self.model(x, training=False), jit_compile=True)
        with ops.forms(depthwise_conv="shifted"):
            call(images)
        return lambda: call(images)

    def training(self, x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
        train = super().training(x, y)

        def shifted() -> float:
            with ops.forms(depthwise_conv="shifted"):
                return train()

        return shifted


class KerasTorch(_KerasModel):
    """Keras on torch, in eager mode."""

    jit_compile = False

    def inference(self, x: np.ndarray) -> Callable[[], Tensor]:
        import torch

        images = keras.ops.convert_to_tensor(x)

        def call() -> Tensor:
            with torch.no_grad():
                return self.model(images, training=False)

        return call


class Exported:
    """An exported file in its own runtime, on all cores; for inference only."""

    def __init__(self, setup: Setup):
        self.run, _ = open_exported(pathlib.Path(setup.folder) / FILES[setup.candidate])

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return self.run(x)["logits"]

    def inference(self, x: np.ndarray) -> Callable[[], np.ndarray]:
        return lambda: self.run(x)["logits"]

    def training(self, x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
        raise ValueError("Exported files cannot be trained.")
