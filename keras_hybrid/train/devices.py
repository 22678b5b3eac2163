"""One run on several accelerators: what is split, what is shared, what fails where.

`plan(recipe)` reads the switch, `devices` and `model_parallel`, and gives the
`Devices` that a run is built, trained and tested in.

- **JAX**: `keras.distribution`. Every device holds the model and takes its share of
  every batch; with `model_parallel=M`, groups of `M` devices share one copy, whose
  attention and MLP kernels are split by `LAYOUT`. Several processes through
  `jax.distributed`, asked for by Keras' environment variables, see `PROCESSES`.
- **TensorFlow**: `tf.distribute.MirroredStrategy`, the devices of one process. XLA
  fails under it ("merge_call"): Keras leaves it off, and `--jit on` is refused.
- **PyTorch**: one device.

What a run means does not depend on the devices:

- `batch_size` is the **global** batch and must divide by the devices. The stream of
  images, their order and augmentation are those of one device, so a run that was
  stopped goes on with another number of devices.
- `learning_rate` belongs to the global batch and is never changed for you. Who
  enlarges the batch scales it. CeiT, ConViT and CvT published a rate proportional to
  the batch (5e-4 per 512 images; CvT 2e-3 at 2048), Astroformer one that grows with
  its square root (2e-5 at 256, so 5.7e-5 at 2048).
- **BatchNorm** takes mean and variance over the global batch on both backends: on JAX
  because a step is one program over the global batch, on TensorFlow because
  `Devices.training` makes it so. Left alone, Keras normalises there by each replica's
  part of the batch and keeps the first replica's moving averages only.
- **Dropout and drop path** draw per image: on JAX what one device would draw, on
  TensorFlow other numbers, independent among replicas. Left alone, all replicas there
  would draw the same.
- `clip_norm` is of the gradient of the global batch. Left alone, Keras on TensorFlow
  would clip each replica's part before the parts are added.
- **Validation** sees every image once: neither backend splits an incomplete batch, so
  `data.Evaluation` fills it up. The test is made on one device, of the saved model.
"""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator

import keras
import numpy as np

from keras_hybrid.train.recipe import Recipe

PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"
"""Set in every process, it asks for so many. With it go
`KERAS_DISTRIBUTION_JOB_ADDRESSES`, the first process's `host:port`, and
`KERAS_DISTRIBUTION_PROCESS_ID`, from 0; JAX finds both itself on Slurm, Open MPI and
TPU pods."""

LAYOUT = {
    # outputs split: every device has some heads and some hidden units
    r".*attention_(query|key|value)(/linear)?/kernel": (None, "model"),
    r".*attention/qkv/kernel": (None, "model"),
    r".*(mlp_|leff/)expand/kernel": (None, "model"),
    # inputs split: what comes out is added up
    r".*attention_output(/linear)?/kernel": ("model", None),
    r".*attention/project/kernel": ("model", None),
    r".*(mlp_|leff/)project/kernel": ("model", None),
}
"""Variable paths to the axes of the device mesh; all other variables are copied."""


@dataclasses.dataclass(frozen=True)
class Devices:
    """What one run computes on.

    Attributes:
        replicas: Parts that every batch is split into, over all processes.
        model_parallel: Devices that share one copy of the model.
        scope: Makes the context in which the model is built, trained and tested.
    """

    replicas: int = 1
    model_parallel: int = 1
    scope: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return self.replicas * self.model_parallel > 1

    def facts(self) -> dict[str, int]:
        """What the card says of them."""
        return {
            "devices": self.replicas * self.model_parallel,
            "model_parallel": self.model_parallel,
            "processes": processes(),
        }

    @contextlib.contextmanager
    def training(self, model: keras.Model) -> Iterator[None]:
        """Lets a compiled model train as on one device, where Keras does not.

        Only TensorFlow needs it. Afterwards the layers are what they were, so that
        saved models know nothing of the devices.
        """
        if keras.backend.backend() != "tensorflow" or self.replicas == 1:
            yield
            return
        # Keras has no public walk through layers within layers
        every = model._flatten_layers()
        norms = [x for x in every if isinstance(x, keras.layers.BatchNormalization)]
        _clip_the_sum(model.optimizer, self.replicas)
        try:
            for layer in norms:
                layer.synchronized = True
            yield
        finally:
            for layer in norms:
                layer.synchronized = False


def plan(recipe: Recipe) -> Devices:
    """The devices that a recipe asks for; the first to be called of a run.

    Raises:
        ValueError: If the backend or the machine cannot do it.
    """
    backend = keras.backend.backend()
    if recipe.model_parallel > 1 and backend != "jax":
        raise ValueError("--model-parallel works on JAX only: KERAS_BACKEND=jax.")
    if int(os.environ.get(PROCESSES, 1)) > 1 and backend != "jax":
        raise ValueError(f"{PROCESSES}: several processes on JAX only.")
    devices = {"jax": _on_jax, "tensorflow": _on_tensorflow, "torch": _on_torch}[
        backend
    ](recipe)
    if recipe.batch_size % devices.replicas:
        raise ValueError(
            f"--batch-size {recipe.batch_size}, which is of all devices together, does "
            f"not divide by {devices.replicas}."
        )
    return devices


def process() -> int:
    """The number of this process, from 0; the first one writes files and speaks."""
    if keras.backend.backend() != "jax":
        return 0
    import jax

    return jax.process_index()


def processes() -> int:
    """How many processes take part in the run."""
    if keras.backend.backend() != "jax":
        return 1
    import jax

    return jax.process_count()


def wait() -> None:
    """Returns once every process has come here."""
    if processes() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices("keras_hybrid")


def check_epoch(epoch: int) -> None:
    """Compares the epoch that the processes go on after.

    Raises:
        ValueError: If they differ, because not all of them see the checkpoint.
    """
    if processes() > 1:
        from jax.experimental import multihost_utils

        found = multihost_utils.process_allgather(np.array(epoch)).tolist()
        if len(set(found)) > 1:
            raise ValueError(
                f"The processes go on after different epochs, {found}; --workdir must "
                "lie on a file system that all of them share."
            )


def share(batches: keras.utils.PyDataset) -> keras.utils.PyDataset:
    """What this process is to feed of a stream of global batches."""
    return batches if processes() == 1 else _Share(batches)


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


def _on_torch(recipe: Recipe) -> Devices:
    if recipe.devices not in (1, "all"):
        raise ValueError(
            f"--devices {recipe.devices}: PyTorch trains on one device; use "
            "KERAS_BACKEND=jax or tensorflow."
        )
    return Devices()


def _on_tensorflow(recipe: Recipe) -> Devices:
    import tensorflow as tf

    list_devices = tf.config.list_logical_devices
    there = [device.name for device in list_devices("GPU") or list_devices("CPU")]
    names = _chosen(there, recipe)
    if len(names) == 1:
        return Devices()
    if recipe.jit == "on":
        raise ValueError(
            "--jit on: TensorFlow cannot compile for several devices; leave it out, "
            "or use KERAS_BACKEND=jax."
        )
    if recipe.accumulation > 1:
        raise ValueError(
            "--accumulation: TensorFlow cannot on several devices; leave it out, or "
            "use KERAS_BACKEND=jax."
        )
    if recipe.augmentation().mixes and recipe.batch_size // len(names) % 2:
        raise ValueError(
            f"mixup and cutmix pair images on each device: --batch-size must divide by "
            f"{2 * len(names)}."
        )
    strategy = tf.distribute.MirroredStrategy(names)
    return Devices(replicas=len(names), scope=strategy.scope)


def _on_jax(recipe: Recipe) -> Devices:
    import jax

    if int(os.environ.get(PROCESSES, 1)) > 1 and not jax.distributed.is_initialized():
        keras.distribution.initialize()
    sharded = recipe.model_parallel
    chosen = [
        device
        for number in range(processes())
        for device in _chosen(jax.local_devices(number), recipe)
    ]
    if len(chosen) == 1 == sharded:
        return Devices()
    if sharded > 1 and processes() > 1:
        raise ValueError("--model-parallel works within one process.")
    if len(chosen) % sharded:
        raise ValueError(
            f"--model-parallel {sharded} does not divide the {len(chosen)} devices; "
            "--devices says how many to use."
        )
    if sharded == 1:
        distribution = keras.distribution.DataParallel(
            devices=chosen, auto_shard_dataset=False
        )
    else:
        distribution = _model_parallel(chosen, sharded)
    return Devices(
        replicas=len(chosen) // sharded,
        model_parallel=sharded,
        scope=distribution.scope,
    )


def _chosen(there: list, recipe: Recipe) -> list:
    """The devices of one process that the recipe asks for."""
    wanted = len(there) if recipe.devices == "all" else recipe.devices
    if wanted > len(there):
        raise ValueError(
            f"--devices {wanted}: {keras.backend.backend()} finds {len(there)} here "
            f"({', '.join(map(str, there))})."
        )
    return there[:wanted]


def _model_parallel(devices: list, sharded: int) -> keras.distribution.ModelParallel:
    shape = (len(devices) // sharded, sharded)
    mesh = keras.distribution.DeviceMesh(shape, ("batch", "model"), devices)
    layout = keras.distribution.LayoutMap(mesh)
    for pattern, axes in LAYOUT.items():
        layout[pattern] = axes
    return _ModelParallel(layout_map=layout, auto_shard_dataset=False)


class _ModelParallel(keras.distribution.ModelParallel):
    """Says in plain words which kernel cannot be split."""

    def get_variable_layout(self, variable):
        layout = super().get_variable_layout(variable)
        parts = self.device_mesh.shape[1]
        for axis, length in zip(layout.axes, variable.shape, strict=True):
            if axis == "model" and length % parts:
                raise ValueError(
                    f"--model-parallel {parts} does not divide {variable.path} of "
                    f"shape {tuple(variable.shape)}."
                )
        return layout


class _Share(keras.utils.PyDataset):
    """The rows of each batch that one process feeds its devices with."""

    def __init__(self, batches: keras.utils.PyDataset):
        super().__init__()
        self.batches = batches

    @property
    def num_batches(self) -> int | None:
        """As many as there are global ones."""
        return self.batches.num_batches

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        def rows(array):
            length = len(array) // processes()
            return array[process() * length :][:length]

        return keras.tree.map_structure(rows, self.batches[index])


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
