"""Candidates and counts of the pipeline benchmark, without times."""

import dataclasses

import keras
import numpy as np
import pytest

from benchmarks import pipeline
from benchmarks.harness import Row
from keras_hybrid.data import Augmentation, Split

pytestmark = pytest.mark.backend_independent

SIZE = 8


def distinct(function):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (16, SIZE, SIZE, 3)).astype("uint8")
    same = np.tile(pixels[:2], (8, 1, 1, 1))
    return pipeline._augmenting(
        "candidate", "operation", function, pixels, same
    ).distinct


@pytest.mark.parametrize(
    "operation, low, high",
    [
        ("flip", 4, 4),
        ("resized crop", 12, 16),
        ("rotation", 16, 16),
        ("color jitter", 16, 16),
        ("mixup", 2, 2),  # one weight per batch, as published
    ],
)
def test_augmentation_samples_every_image(operation, low, high):
    settings = pipeline.OPERATIONS[operation]
    assert low <= distinct(pipeline._augmentation(settings)) <= high


def test_keras_crop_samples_once_per_batch():
    """The reason for this package's own crop; if this fails, Keras' layer may do."""
    call = pipeline._keras(pipeline._keras_layers(SIZE)["crop"])

    def crop(images):
        return call(np.eye(16, dtype="float32"), images)

    if keras.backend.backend() == "jax":
        with pytest.raises(IndexError, match="must be static"):
            distinct(crop)
    else:
        assert distinct(crop) == 2


def test_every_operation_has_a_counterpart_in_keras():
    own, of_keras = set(pipeline.OPERATIONS), set(pipeline._keras_layers(SIZE))
    assert of_keras - own == {"crop"}
    whole = {name for name in own if name.startswith("all")}
    assert own - of_keras == whole | {"resized crop"}
    for name in own - whole:  # one setting each
        fields = dataclasses.asdict(pipeline.OPERATIONS[name]).items()
        assert len(fields - dataclasses.asdict(Augmentation()).items()) == 1
    assert pipeline.OPERATIONS[pipeline.RECIPE_AUGMENTATION].cutmix == 1


def test_host_candidates_run():
    split = Split(np.zeros((32, SIZE, SIZE, 3), "uint8"), np.arange(32))
    for candidate in pipeline._host(split, 8):
        for _ in range(5):
            candidate.call()


def test_headroom_counts_host_and_augmentation():
    def row(candidate, operation, speed):
        return Row(operation, candidate, "", 1, facts={"images_per_second": speed})

    rows = [
        row("host", "images", 300.0),
        row("keras_hybrid", pipeline.RECIPE_AUGMENTATION, 600.0),
        row("step", "no augmentation", 100.0),
    ]
    assert pipeline.headroom(rows) == pytest.approx(2.0)
