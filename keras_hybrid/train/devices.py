"""One run on several accelerators, on each backend.

`plan(recipe)` reads `devices` and `model_parallel` and returns the `Devices` that a run
is built, trained and tested on.

- **JAX**: `keras.distribution`. Every device holds the model and takes its share of
  every batch; with `model_parallel=M`, groups of `M` devices share one copy, whose
  attention and MLP kernels are split by `LAYOUT`. Several processes through
  `jax.distributed`, asked for by Keras' environment variables, see
  `train.multiprocess`.
- **TensorFlow**: `tf.distribute.MirroredStrategy`, the devices of one process. XLA
  fails under it ("merge_call"): Keras leaves it off, and `--jit-compile on` is
  refused. So is `--accumulation`, for the same reason. In one Python process all runs
  on several devices must take the same ones: TensorFlow's collectives keep their first
  group.
- **PyTorch**: one device.

The result of a run does not depend on the devices:

- `batch_size` is the **global** batch and must divide by the devices. The stream of
  images, their order and augmentation are those of one device, so a run that was
  stopped can resume on another number of devices.
- `learning_rate` belongs to the global batch and is never changed for you: scale it
  when you enlarge the batch. CeiT, ConViT and CvT published a rate proportional to
  the batch (5e-4 per 512 images; CvT 2e-3 at 2048), Astroformer one that grows with
  its square root (2e-5 at 256, so 5.7e-5 at 2048).
- **BatchNorm** takes mean and variance over the global batch on both backends: on JAX
  because a step is one program over the global batch, on TensorFlow because
  `train.sync_replicas` makes it so. Left alone, Keras normalises there by each
  replica's part of the batch and keeps the first replica's moving averages only.
- **Dropout and drop path** draw per image: on JAX what one device would draw, on
  TensorFlow other numbers, independent among replicas. Left alone, all replicas there
  would draw the same.
- `global_clipnorm` is of the gradient of the global batch. Left alone, Keras on
  TensorFlow would clip each replica's part before the parts are added.
- **Validation** sees every image once: neither backend splits an incomplete batch, so
  `data.Evaluation` fills it up. The test is made on one device, of the saved model.
"""

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable
from typing import Any

import keras

from keras_hybrid.train.multiprocess import PROCESSES, connect, process_count
from keras_hybrid.train.recipe import Recipe

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
        """Whether the run computes on more than one device."""
        return self.replicas * self.model_parallel > 1

    def facts(self) -> dict[str, int]:
        """The devices as the card lists them."""
        return {
            "devices": self.replicas * self.model_parallel,
            "model_parallel": self.model_parallel,
            "processes": process_count(),
        }


def plan(recipe: Recipe) -> Devices:
    """The devices that a recipe asks for; a run calls this before it builds a model.

    Raises:
        ValueError: If the backend or the machine cannot do it.
    """
    backend = keras.backend.backend()
    if recipe.runtime.model_parallel > 1 and backend != "jax":
        raise ValueError("--model-parallel works on JAX only: KERAS_BACKEND=jax.")
    if int(os.environ.get(PROCESSES, 1)) > 1 and backend != "jax":
        raise ValueError(f"{PROCESSES}: several processes on JAX only.")
    devices = {"jax": _on_jax, "tensorflow": _on_tensorflow, "torch": _on_torch}[
        backend
    ](recipe)
    batch_size = recipe.optimization.batch_size
    if batch_size % devices.replicas:
        raise ValueError(
            f"--batch-size {batch_size}, of all devices together, must be divisible by "
            f"their number, {devices.replicas}."
        )
    return devices


def _on_torch(recipe: Recipe) -> Devices:
    if recipe.runtime.devices not in (1, "all"):
        raise ValueError(
            f"--devices {recipe.runtime.devices}: PyTorch trains on one device; use "
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
    if recipe.optimization.jit_compile == "on":
        raise ValueError(
            "--jit-compile on: TensorFlow cannot compile for several devices; leave it "
            "out, or use KERAS_BACKEND=jax."
        )
    if recipe.optimization.gradient_accumulation_steps > 1:
        raise ValueError(
            "--accumulation: TensorFlow cannot on several devices; leave it out, or "
            "use KERAS_BACKEND=jax."
        )
    if recipe.augmentation.mixes and recipe.optimization.batch_size // len(names) % 2:
        raise ValueError(
            f"mixup and cutmix pair images on each device: --batch-size must divide by "
            f"{2 * len(names)}."
        )
    return Devices(replicas=len(names), scope=_mirrored(tuple(names)).scope)


@functools.cache
def _mirrored(names: tuple[str, ...]) -> Any:
    """The `MirroredStrategy` that all runs of a process share."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(names)


def _on_jax(recipe: Recipe) -> Devices:
    import jax

    connect()
    sharded = recipe.runtime.model_parallel
    chosen = [
        device
        for number in range(process_count())
        for device in _chosen(jax.local_devices(number), recipe)
    ]
    if len(chosen) == 1 == sharded:
        return Devices()
    if sharded > 1 and process_count() > 1:
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
    wanted = len(there) if recipe.runtime.devices == "all" else recipe.runtime.devices
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
    """Names the kernel that cannot be split in its error."""

    def get_variable_layout(
        self, variable: keras.Variable
    ) -> keras.distribution.TensorLayout:
        layout = super().get_variable_layout(variable)
        parts = self.device_mesh.shape[1]
        for axis, length in zip(layout.axes, variable.shape, strict=True):
            if axis == "model" and length % parts:
                raise ValueError(
                    f"--model-parallel {parts} does not divide {variable.path} of "
                    f"shape {tuple(variable.shape)}."
                )
        return layout
