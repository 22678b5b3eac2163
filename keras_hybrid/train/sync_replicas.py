"""Makes Keras' replicas on TensorFlow compute the same as one device."""

import contextlib
from collections.abc import Iterator

import keras

from keras_hybrid.layers import override_attributes
from keras_hybrid.utils.typing import Tensor


@contextlib.contextmanager
def sync_replicas(model: keras.Model, replicas: int) -> Iterator[None]:
    """Lets a compiled model train on several replicas as on one device.

    BatchNorm takes its statistics over all replicas, and the gradient is clipped after
    the replicas' parts are added. On JAX, and with one replica, it is so already.
    On exit layers and optimizer are what they were: saved models know nothing of
    replicas.
    """
    if keras.backend.backend() != "tensorflow" or replicas == 1:
        yield
        return
    norms = keras.layers.BatchNormalization
    with (
        _clip_the_sum(model.optimizer, replicas),
        override_attributes(model, norms, synchronized=True),
    ):
        yield


def seed_generators(model: keras.Model, seed: int, epoch: int) -> None:
    """Gives every random generator of the model a state of `(seed, epoch)` alone.

    On TensorFlow every replica's copy gets its own.
    """
    states = [v for v in model.variables if "seed_generator" in v.path]
    if keras.backend.backend() != "tensorflow":
        _assign_seeds(states, seed, epoch)
        return
    import tensorflow as tf

    def in_replica() -> None:
        context = tf.distribute.get_replica_context()
        replica = tf.cast(context.replica_id_in_sync_group, "int64")
        _assign_seeds(states, seed, epoch, replica * 2**24)

    model.distribute_strategy.run(in_replica)


def _assign_seeds(
    states: list[keras.Variable], seed: int, epoch: int, offset: Tensor = 0
) -> None:
    for number, state in enumerate(states):
        state.assign([seed * 10_007 + number + offset, epoch << 20])


@contextlib.contextmanager
def _clip_the_sum(
    optimizer: keras.optimizers.Optimizer, replicas: int
) -> Iterator[None]:
    """Makes TensorFlow clip the gradient of the global batch.

    Keras clips in each replica and adds up afterwards. Given the mean over the
    replicas and an equal part of the norm, each clips the same, and the sum is right.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if not optimizer.global_clipnorm:
        yield
        return
    import tensorflow as tf

    apply, clipnorm = optimizer.apply, optimizer.global_clipnorm

    def apply_mean(
        grads: list[Tensor], trainable_variables: list[keras.Variable] | None = None
    ) -> Tensor:
        context = tf.distribute.get_replica_context()
        mean = context.all_reduce(tf.distribute.ReduceOp.MEAN, list(grads))
        return apply(mean, trainable_variables)

    try:
        optimizer.global_clipnorm = clipnorm / replicas
        optimizer.apply = apply_mean
        yield
    finally:
        optimizer.global_clipnorm = clipnorm
        del optimizer.apply  # the class has it again
