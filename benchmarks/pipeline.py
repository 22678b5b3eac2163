"""Whether images come as fast as training takes them, and the cost of each operation.

Images per second: what the host delivers; augmentation by operation, ours (sampling and
pixels), by Keras' layers, both compiled for the backend, and by keras-cv's, where it is
installed; and the training step of ATC3 at strides (2, 2, 2), with augmentation in it
and without. `distinct` counts the different images that an operation makes of a batch
of two images that alternate: 2 where one sample serves the batch, 4 for flips, and up
to the size of the batch where every image has its own.
"""

import dataclasses
import functools
import importlib.util
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
# What is weighed against the step: a recipe's whole augmentation.
WHOLE = "all for small images"


@dataclasses.dataclass(frozen=True)
class _Candidate:
    by: str
    operation: str
    call: Callable[[], None]
    distinct: int | None = None


def measure(batch_size: int = 64, size: int = 32, rounds: int = 9) -> list[Row]:
    """Times every candidate in turns."""
    candidates = list(_candidates(batch_size, size))
    timings = interleave([timed(candidate.call) for candidate in candidates], rounds)
    return [
        Row(
            subject=candidate.operation,
            candidate=candidate.by,
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
    """How many times faster images come than the training step takes them.

    The pipeline is the host's delivery and then a whole augmentation; the step is
    measured without augmentation.
    """
    speed = {
        (row.candidate, row.subject): row.facts["images_per_second"] for row in rows
    }
    seconds = 1 / speed["host", "images"] + 1 / speed["ours", WHOLE]
    return 1 / seconds / speed["step", "no augmentation"]


def _candidates(batch_size: int, size: int) -> Iterator[_Candidate]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (8 * batch_size, size, size, 3)).astype("uint8")
    split = Split(pixels, rng.integers(0, CLASSES, len(pixels)))
    yield from _host(split, batch_size)
    same = np.tile(pixels[:2], (batch_size // 2, 1, 1, 1))
    labels = np.eye(CLASSES, dtype="float32")[split.labels[:batch_size]]
    for name, settings in OPERATIONS.items():
        yield _augmenting("ours", name, _ours(settings), pixels[:batch_size], same)
    for name, layer in _keras_layers(size).items():
        function = functools.partial(_keras(layer), labels)
        try:
            yield _augmenting("keras", name, function, pixels[:batch_size], same)
        except IndexError as error:  # RandomCrop on JAX slices by what it drew
            print(f"Keras' {name} cannot be compiled: {first_line(error)}")
    if importlib.util.find_spec("keras_cv"):
        for name, settings in OPERATIONS.items():
            function = functools.partial(_keras_cv(settings, size), labels)
            yield _augmenting("keras_cv", name, function, pixels[:batch_size], same)
    yield from _steps(split, batch_size, size)


def _host(split: Split, batch_size: int) -> Iterator[_Candidate]:
    for operation, resident in (("images", False), ("indices", True)):
        batches = Batches(
            split, batch_size, CLASSES, 0, OPERATIONS[WHOLE], resident=resident
        )
        steps = iter(range(1 << 30))
        yield _Candidate(
            "host", operation, lambda b=batches, s=steps: b[next(s)] and None
        )


def _augmenting(by, operation, function, images, same) -> _Candidate:
    """A candidate `images -> images`, compiled, with its count of different results."""
    flat = function(same).reshape(len(same), -1)
    distinct = len(np.unique(flat.round(3), axis=0))
    function(images)
    return _Candidate(by, operation, lambda: function(images) is None, distinct)


def _ours(settings: Augmentation):
    rng = np.random.default_rng(0)
    function = _compiled(lambda images, draws: augment(images, draws, settings.fill))

    def call(images):
        draws, _ = settings.sample(rng, *images.shape[:3])
        return keras.ops.convert_to_numpy(function(images, draws))

    return call


def _keras_layers(size: int) -> dict[str, keras.layers.Layer]:
    kind = keras.layers
    return {
        "shift": kind.RandomTranslation(4 / size, 4 / size, "constant"),
        "crop": kind.RandomCrop(size - 4, size - 4),
        "flip": kind.RandomFlip("horizontal"),
        "rotation": kind.RandomRotation(0.5, "constant"),
        "color jitter": kind.RandomColorJitter(
            brightness_factor=0.4, contrast_factor=0.4, saturation_factor=(0.3, 0.7)
        ),
        "RandAugment": kind.RandAugment(num_ops=2, factor=0.9),
        "random erasing": kind.RandomErasing(factor=(0.25, 0.25)),
        "mixup": kind.MixUp(0.8),
        "CutMix": kind.CutMix(1.0),
    }


def _keras(layer: keras.layers.Layer):
    """`(labels, images) -> images` by one of Keras' layers."""

    def apply(state, images, labels):
        batch = {"images": keras.ops.cast(images, "float32"), "labels": labels}
        if keras.backend.backend() != "jax":
            return layer(batch, training=True)["images"]
        result, _ = layer.stateless_call([], state, batch, training=True)
        return result["images"]

    layer.build(None)
    function = _compiled(apply)
    state = [v.value for v in layer.non_trainable_variables]

    def call(labels, images):
        return keras.ops.convert_to_numpy(function(state, images, labels))

    return call


def _keras_cv(settings: Augmentation, size: int):
    function = keras_cv_augmenter(settings, (size, size), seed=0)
    return lambda labels, images: function(images, labels)[0]


def _compiled(function):
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
        WHOLE: OPERATIONS[WHOLE],
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

        def train(model=model, inputs=inputs, labels=labels):
            float(model.train_on_batch(inputs, labels))

        train(), train()
        yield _Candidate("step", operation, train)


def main(
    out: pathlib.Path = pathlib.Path("pipeline.csv"),
    batch_size: int = 64,
    size: int = 32,
    rounds: int = 9,
) -> None:
    """Time the input pipeline beside the training step, by operation.

    Args:
        out: The CSV file.
        batch_size: Images per call.
        size: Height and width of the images.
        rounds: Measurements of each.
    """
    rows = measure(batch_size, size, rounds)
    write(rows, out)
    print(f"{'by':9} {'operation':22} {'images/s':>10} {'spread':>7} {'distinct':>8}")
    for row in rows:
        speed, distinct = row.facts["images_per_second"], row.facts["distinct"]
        distinct = "" if distinct is None else distinct
        print(
            f"{row.candidate:9} {row.subject:22} {speed:10,.0f} "
            f"{row.timing.spread:7.2f} {distinct:>8}"
        )
    print(f"Images come {headroom(rows):.1f} times as fast as the step takes them.")
