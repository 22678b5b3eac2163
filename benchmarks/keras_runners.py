"""Our model on each backend, compiled or not as it is run fastest, and as a file."""

import pathlib
from collections.abc import Callable

import keras
import numpy as np

from benchmarks.candidates import FILES
from benchmarks.setup import ADAMW, LEARNING_RATE, Setup, to_numpy
from keras_hybrid import ops
from keras_hybrid.export.runtime import open_exported


def load_model(setup: Setup) -> keras.Model:
    """Our model in the setup's precision, with the weights that all share."""
    if setup.precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    model = setup.case.build()
    model.load_weights(pathlib.Path(setup.folder) / "model.keras")
    return model


class _KerasModel:
    """A Keras model, compiled or not as its backend runs it fastest."""

    def __init__(self, model: keras.Model):
        self.model = model
        self.loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        if len(model.output_shape) > 2:  # a layer's map
            self.loss = keras.losses.MeanSquaredError()
        self.optimizer = keras.optimizers.AdamW(LEARNING_RATE, **ADAMW)

    def answer(self, x: np.ndarray) -> np.ndarray:
        return to_numpy(self.inference(x)())

    def training(self, x, y) -> Callable[[], float]:
        self.model.compile(self.optimizer, self.loss, jit_compile=self.jit_compile)
        x, y = (keras.ops.convert_to_tensor(value) for value in (x, y))
        return lambda: float(self.model.train_on_batch(x, y))


class Jax(_KerasModel):
    """`jax.jit` around the stateless call; the training step gives its state back."""

    def inference(self, x):
        import jax

        weights, x = self.weights(), jax.device_put(x)
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

    def compiled(self, task: str, x, y, donate: bool = True) -> tuple:
        """The compiled `"inference"` or `"training"` and what it is called with.

        A training step may be called once, unless not to `donate` lets it keep the
        state that it was given.
        """
        import jax

        if task == "inference":
            function, arguments = jax.jit(self.forward), (self.weights(), x)
        else:
            function = jax.jit(self.step, donate_argnums=0 if donate else ())
            arguments = (self.state(), x, y)
        return function.lower(*arguments).compile(), arguments

    def weights(self) -> list:
        """The trainable weights and the others."""
        parts = (self.model.trainable_variables, self.model.non_trainable_variables)
        return [[variable.value for variable in part] for part in parts]

    def state(self) -> list:
        """Copies of the weights and of the optimizer's: a step gives them away."""
        import jax

        self.optimizer.build(self.model.trainable_variables)
        optimizer = [variable.value for variable in self.optimizer.variables]
        return jax.tree.map(jax.numpy.copy, [*self.weights(), optimizer])


class TensorFlow(_KerasModel):
    """Compiled by XLA, which wants the shifted form of depthwise convolutions."""

    jit_compile = True

    def inference(self, x):
        import tensorflow as tf

        x = tf.constant(x)
        call = tf.function(lambda x: self.model(x, training=False), jit_compile=True)
        with ops.forms(depthwise_conv="shifted"):
            call(x)
        return lambda: call(x)

    def training(self, x, y):
        train = super().training(x, y)

        def shifted():
            with ops.forms(depthwise_conv="shifted"):
                return train()

        return shifted


class KerasTorch(_KerasModel):
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
