"""What a run would do: its images, model, time, memory and files; nothing is left."""

import dataclasses
import math
import time
from collections.abc import Iterator

import keras

from keras_hybrid.data import Dataset, Evaluation, Split
from keras_hybrid.train.evaluate import BATCH
from keras_hybrid.train.first_steps import FirstSteps, first_steps
from keras_hybrid.train.progress import Progress, step_seconds
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.room import disk_bytes
from keras_hybrid.train.run_result import FILES
from keras_hybrid.train.workdir import check_workdir, complete_card
from keras_hybrid.utils.memory import device_peak, host_peak


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What a run would do, by some steps of it.

    Attributes:
        recipe: The settings, none of them open.
        images: Number of images of each split, by name.
        classes: Number of classes, or of other outputs.
        parameters: Trainable parameters.
        steps_per_epoch: Steps of an epoch.
        epochs: Epochs; with `minutes` as many as fit.
        step_seconds: Seconds of a step at the full size of the images.
        seconds: Seconds of the training, validation and test included.
        memory: Largest memory on the host, in bytes.
        device_memory: Largest memory on a GPU, in bytes; None without one.
        disk: Bytes of the checkpoints while the run lasts.
        files: Names of the files that it would leave.
    """

    recipe: Recipe
    images: dict[str, int]
    classes: int
    parameters: int
    steps_per_epoch: int
    epochs: int
    step_seconds: float
    seconds: float
    memory: int
    device_memory: int | None
    disk: int
    files: tuple[str, ...]

    def text(self) -> str:
        """The forecast in lines."""
        return "\n".join(f"{name:<10} {said}" for name, said in self._rows())

    def _rows(self) -> Iterator[tuple[str, str]]:
        settings = self.recipe.optimization
        counts = ", ".join(f"{count:,} {part}" for part, count in self.images.items())
        yield "images", f"{counts}; {self.classes} outputs"
        yield "model", f"{self.recipe.network.model}, {self.parameters:,} parameters"
        yield (
            "training",
            f"{'about ' if settings.budget else ''}{self.epochs:,} epochs of "
            f"{self.steps_per_epoch:,} steps of {settings.batch_size} images",
        )
        yield (
            "time",
            f"about {_duration(self.seconds)}, {self.step_seconds:.3g} seconds a step",
        )
        memory = f"{self.memory / 2**30:.1f} GiB"
        if self.device_memory:
            memory += f", and {self.device_memory / 2**30:.1f} GiB on the GPU"
        yield "memory", f"about {memory}, by the first steps"
        yield "disk", f"about {self.disk / 2**20:,.0f} MiB for checkpoints"
        yield "files", f"{', '.join(self.files)} in {self.recipe.directory}"


def dry_run(recipe: Recipe) -> Forecast:
    """Tries all that a run needs, its end included, and takes a few timed steps.

    On several devices it takes them on one. No file or folder is left.

    Args:
        recipe: The settings, of one network.

    Raises:
        ValueError: If the run would stop with an error that can be foreseen; also for
            `folds` without `fold`, and for `refit`, which train several networks.
        ImportError: If a package is missing.

    Example:
        >>> print(dry_run(Recipe.of(dataset="digits", epochs=10)).text())
    """
    directory = recipe.directory

    def check(chosen: Recipe, dataset: Dataset) -> None:
        complete_card(chosen, directory, dataset)  # or ValueError

    check_workdir(directory)
    with first_steps(recipe, directory, "--dry-run", check) as steps:
        return _forecast(steps)


def _forecast(steps: FirstSteps) -> Forecast:
    recipe, ready, batches = steps.recipe, steps.ready, steps.batches
    size = steps.model.train_size or ready.network.input_shape[1:3]
    settings = recipe.optimization
    progress = Progress(settings, size, batches, steps.schedule)
    seconds = step_seconds(steps.model, batches)
    progress.plan(seconds, scale=1.0)
    epochs, test = progress.epochs_left(), steps.dataset.test
    seen = len(test)
    if ready.validation:
        seen += epochs * len(ready.validation)
    model = ready.model
    known = recipe.runtime.data_dir and steps.dataset.train.paths is not None
    return Forecast(
        recipe=recipe,
        images={
            "for training": len(ready.training),
            "for validation": len(ready.validation or ()),
            "for the test": len(test),
        },
        classes=len(steps.dataset.class_names),
        parameters=sum(math.prod(x.shape) for x in model.trainable_variables),
        steps_per_epoch=batches.steps_per_epoch,
        epochs=epochs,
        step_seconds=seconds,
        seconds=progress.seconds_left() + seen * _image_seconds(ready.network, test),
        memory=host_peak(),
        device_memory=device_peak(),
        disk=disk_bytes(model, recipe),
        files=tuple(x for x in FILES if known or x != "manifest.csv"),
    )


def _image_seconds(network: keras.Model, test: Split) -> float:
    """Seconds to predict an image, by the second of two equal batches."""
    images, *_ = Evaluation(test, network.output_shape[-1], BATCH)[0]
    for _ in range(2):
        began = time.perf_counter()
        network.predict_on_batch(images)
        seconds = time.perf_counter() - began
    return seconds / len(images)


def _duration(seconds: float) -> str:
    if seconds < 1.5:
        return "a second"
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
