"""Times the input pipeline beside the training step, by operation.

The rows are images per second of

- the host, which reads and batches the images;
- augmentation, by operation: that of this package (sampling and pixels) and the layers
  of Keras, both compiled, and the layers of keras-cv if it is installed;
- the training step of ATC3 with strides (2, 2, 2), with and without augmentation.

`distinct` counts the different results for a batch of two alternating images. It is 2
if one sample serves the whole batch, 4 for flips, and up to the batch size if every
image has its own sample.
"""

import dataclasses
import functools
import importlib.util
import itertools
import pathlib
from collections.abc import Callable, Iterator

import keras
import numpy as np

from benchmarks.harness import Row, interleave, timed, write
from keras_hybrid import models
from keras_hybrid.data import Augmentation, Batches, Split
from keras_hybrid.data.apply_augmentation import augment
from keras_hybrid.data.keras_cv_layers import keras_cv_augmenter
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.recipe import DEIT_AUGMENTATION
from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.typing import Tensor

CLASSES = 100
REGULARISED = {"horizontal_flip": True, **DEIT_AUGMENTATION}
OPERATIONS = {
    "shift": Augmentation(padding=4),
    "flip": Augmentation(horizontal_flip=True),
    "resized crop": Augmentation(random_crop=(0.08, 1.0)),
    "rotation": Augmentation(rotation=180.0),
    "color jitter": Augmentation(color_jitter=0.4),
    "RandAugment": Augmentation(rand_augment=9.0),
    "random erasing": Augmentation(random_erasing=0.25),
    "mixup": Augmentation(mixup=0.8),
    "CutMix": Augmentation(cutmix=1.0),
    "all for small images": Augmentation(padding=4, **REGULARISED),
    "all for photographs": Augmentation(random_crop=(0.08, 1.0), **REGULARISED),
}
# The augmentation of a recipe, which is compared with the training step.
RECIPE_AUGMENTATION = "all for small images"


@dataclasses.dataclass(frozen=True)
class _Candidate:
    name: str
    operation: str
    call: Callable[[], None]
    distinct: int | None = None


def measure(batch_size: int = 64, size: int = 32, rounds: int = 9) -> list[Row]:
    """Times every candidate in turns."""
    candidates = list(_candidates(batch_size, size))
    timings = interleave([timed(candidate.call) for candidate in candidates], rounds)
    return [
        Row(
            case=candidate.operation,
            candidate=candidate.name,
            task=f"{keras.backend.backend()}, {size} px",
            batch_size=batch_size,
            timing=timing,
            facts={
                "images_per_second": round(batch_size / timing.seconds, 1),
                "distinct": candidate.distinct,
            },
        )
        for candidate, timing in zip(candidates, timings, strict=True)
    ]


def headroom(rows: list[Row]) -> float:
    """How many times faster the input pipeline is than the training step.

    The pipeline is the host and then the augmentation of a recipe; the training step
    is the one without augmentation.
    """
    speed = {(row.candidate, row.case): row.facts["images_per_second"] for row in rows}
    seconds = (
        1 / speed["host", "images"] + 1 / speed["keras_hybrid", RECIPE_AUGMENTATION]
    )
    return 1 / seconds / speed["step", "no augmentation"]


def _candidates(batch_size: int, size: int) -> Iterator[_Candidate]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (8 * batch_size, size, size, 3)).astype("uint8")
    split = Split(pixels, rng.integers(0, CLASSES, len(pixels)))
    yield from _host(split, batch_size)
    same = np.tile(pixels[:2], (batch_size // 2, 1, 1, 1))
    labels = np.eye(CLASSES, dtype="float32")[split.labels[:batch_size]]
    for name, settings in OPERATIONS.items():
        function = _augmentation(settings)
        yield _augmenting("keras_hybrid", name, function, pixels[:batch_size], same)
    for name, layer in _keras_layers(size).items():
        function = functools.partial(_keras(layer), labels)
        try:
            yield _augmenting("keras", name, function, pixels[:batch_size], same)
        except IndexError as error:  # RandomCrop on JAX slices by a sampled position
            print(f"Keras' {name} cannot be compiled: {first_line(error)}")
    if importlib.util.find_spec("keras_cv"):
        for name, settings in OPERATIONS.items():
            function = functools.partial(_keras_cv(settings, size), labels)
            yield _augmenting("keras_cv", name, function, pixels[:batch_size], same)
    yield from _steps(split, batch_size, size)


def _host(split: Split, batch_size: int) -> Iterator[_Candidate]:
    for operation, resident in (("images", False), ("indices", True)):
        batches = Batches(
            split,
            batch_size,
            CLASSES,
            0,
            OPERATIONS[RECIPE_AUGMENTATION],
            resident=resident,
        )
        deliver = functools.partial(_next_batch, batches, itertools.count())
        yield _Candidate("host", operation, deliver)


def _next_batch(batches: Batches, steps: Iterator[int]) -> None:
    batches[next(steps)]


def _augmenting(
    name: str,
    operation: str,
    function: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    same: np.ndarray,
) -> _Candidate:
    """A candidate `images -> images`, compiled, with its number of distinct results."""
    flat = function(same).reshape(len(same), -1)
    distinct = len(np.unique(flat.round(3), axis=0))

    def call() -> None:
        function(images)

    call()
    return _Candidate(name, operation, call, distinct)


def _augmentation(settings: Augmentation) -> Callable[[np.ndarray], np.ndarray]:
    """Augmentation of this package: sampling on the host, then the pixels."""
    rng = np.random.default_rng(0)
    function = _compiled(
        lambda images, samples: augment(images, samples, settings.fill)
    )

    def call(images: np.ndarray) -> np.ndarray:
        samples, _ = settings.sample(rng, *images.shape[:3])
        return keras.ops.convert_to_numpy(function(images, samples))

    return call


def _keras_layers(size: int) -> dict[str, keras.layers.Layer]:
    layers = keras.layers
    return {
        "shift": layers.RandomTranslation(4 / size, 4 / size, "constant"),
        "crop": layers.RandomCrop(size - 4, size - 4),
        "flip": layers.RandomFlip("horizontal"),
        "rotation": layers.RandomRotation(0.5, "constant"),
        "color jitter": layers.RandomColorJitter(
            brightness_factor=0.4, contrast_factor=0.4, saturation_factor=(0.3, 0.7)
        ),
        "RandAugment": layers.RandAugment(num_ops=2, factor=0.9),
        "random erasing": layers.RandomErasing(factor=(0.25, 0.25)),
        "mixup": layers.MixUp(0.8),
        "CutMix": layers.CutMix(1.0),
    }


def _keras(
    layer: keras.layers.Layer,
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """`(labels, images) -> images` by a layer of Keras."""

    def apply(state: list, images: Tensor, labels: Tensor) -> Tensor:
        batch = {"images": keras.ops.cast(images, "float32"), "labels": labels}
        if keras.backend.backend() != "jax":
            return layer(batch, training=True)["images"]
        result, _ = layer.stateless_call([], state, batch, training=True)
        return result["images"]

    layer.build(None)
    function = _compiled(apply)
    state = [v.value for v in layer.non_trainable_variables]

    def call(labels: np.ndarray, images: np.ndarray) -> np.ndarray:
        return keras.ops.convert_to_numpy(function(state, images, labels))

    return call


def _keras_cv(
    settings: Augmentation, size: int
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    function = keras_cv_augmenter(settings, (size, size), seed=0)
    return lambda labels, images: function(images, labels)[0]


def _compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.jit(function)
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function)
    return lambda *tensors: function(
        *keras.tree.map_structure(keras.ops.convert_to_tensor, tensors)
    )


def _steps(split: Split, batch_size: int, size: int) -> Iterator[_Candidate]:
    settings = {
        "no augmentation": Augmentation(),
        RECIPE_AUGMENTATION: OPERATIONS[RECIPE_AUGMENTATION],
    }
    for operation, setting in settings.items():
        keras.utils.set_random_seed(0)
        network = models.logits(
            models.ATC3(strides=(2, 2, 2), input_shape=(size, size, 3))
        )
        model = Augmented(network, setting.fill)
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss)
        inputs, labels = Batches(split, batch_size, CLASSES, 0, setting)[0]

        train = functools.partial(_train, model, inputs, labels)
        train()
        train()
        yield _Candidate("step", operation, train)


def _train(model: keras.Model, inputs: dict[str, np.ndarray], labels: Tensor) -> None:
    float(model.train_on_batch(inputs, labels))


def main(
    out: pathlib.Path = pathlib.Path("pipeline.csv"),
    batch_size: int = 64,
    size: int = 32,
    rounds: int = 9,
) -> None:
    """Time the input pipeline beside the training step, by operation.

    Args:
        out: CSV file; rows are appended.
        batch_size: Images per call.
        size: Height and width of the images.
        rounds: Number of measurements of each candidate.
    """
    rows = measure(batch_size, size, rounds)
    write(rows, out)
    head = f"{'candidate':12} {'operation':22} {'images/s':>10} {'spread':>7}"
    print(f"{head} {'distinct':>8}")
    for row in rows:
        speed, distinct = row.facts["images_per_second"], row.facts["distinct"]
        distinct = "" if distinct is None else distinct
        spread = row.timing.spread if row.timing else 1.0
        line = f"{row.candidate:12} {row.case:22} {speed:10,.0f} {spread:7.2f}"
        print(f"{line} {distinct:>8}")
    print(f"The pipeline is {headroom(rows):.1f} times as fast as the training step.")
