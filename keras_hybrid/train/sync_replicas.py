"""What Keras' replicas on TensorFlow need to compute what one device does."""

import contextlib
from collections.abc import Iterator

import keras

from keras_hybrid.layers import override_attributes


@contextlib.contextmanager
def sync_replicas(model: keras.Model, replicas: int) -> Iterator[None]:
    """Lets a compiled model train on several replicas as on one device.

    BatchNorm takes its statistics over all replicas, and the gradient is clipped after
    the replicas' parts are added. On JAX, and with one replica, it is so already.
    Afterwards the layers are what they were: saved models know nothing of replicas.
    """
    if keras.backend.backend() != "tensorflow" or replicas == 1:
        yield
        return
    _clip_the_sum(model.optimizer, replicas)
    with override_attributes(model, keras.layers.BatchNormalization, synchronized=True):
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

    def in_replica():
        context = tf.distribute.get_replica_context()
        replica = tf.cast(context.replica_id_in_sync_group, "int64")
        _assign_seeds(states, seed, epoch, replica * 2**24)

    model.distribute_strategy.run(in_replica)


def _assign_seeds(states, seed: int, epoch: int, offset=0) -> None:
    for number, state in enumerate(states):
        state.assign([seed * 10_007 + number + offset, epoch << 20])


def _clip_the_sum(optimizer: keras.optimizers.Optimizer, replicas: int) -> None:
    """Makes TensorFlow clip the gradient of the global batch.

    Keras clips in each replica and adds up afterwards. Given the mean over the
    replicas and an equal part of the norm, each clips the same, and the sum is right.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if not optimizer.global_clipnorm:
        return
    import tensorflow as tf

    apply = optimizer.apply

    def apply_mean(grads, trainable_variables=None):
        context = tf.distribute.get_replica_context()
        mean = context.all_reduce(tf.distribute.ReduceOp.MEAN, list(grads))
        return apply(mean, trainable_variables)

    optimizer.global_clipnorm /= replicas
    optimizer.apply = apply_mean
