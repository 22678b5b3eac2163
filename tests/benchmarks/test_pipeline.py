"""What the measurements of the pipeline count and compare, without their times."""

import dataclasses

import keras
import numpy as np
import pytest

from benchmarks import pipeline
from benchmarks.harness import Row
from keras_hybrid.data import Split

SIZE = 8


def distinct(function):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (16, SIZE, SIZE, 3)).astype("uint8")
    same = np.tile(pixels[:2], (8, 1, 1, 1))
    return pipeline._augmenting("by", "what", function, pixels, same).distinct


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
def test_ours_are_sampled_for_every_image(operation, low, high):
    settings = pipeline.OPERATIONS[operation]
    assert low <= distinct(pipeline._ours(settings)) <= high


def test_keras_crop_is_one_for_the_batch():
    """Why the crop is our own; when this fails, Keras' layer may do."""
    call = pipeline._keras(pipeline._keras_layers(SIZE)["crop"])

    def crop(images):
        return call(np.eye(16, dtype="float32"), images)

    if keras.backend.backend() == "jax":
        with pytest.raises(IndexError, match="must be static"):
            distinct(crop)
    else:
        assert distinct(crop) == 2


def test_every_operation_has_its_counterpart():
    ours, theirs = set(pipeline.OPERATIONS), set(pipeline._keras_layers(SIZE))
    assert theirs - ours == {"crop"}
    whole = {name for name in ours if name.startswith("all")}
    assert ours - theirs == whole | {"resized crop"}
    for name in ours - whole:  # one setting each
        fields = dataclasses.asdict(pipeline.OPERATIONS[name]).values()
        assert sum(bool(value) for value in fields) == 1
    # a whole augmentation has all that has no part in geometry
    assert pipeline.OPERATIONS[pipeline.WHOLE].cutmix == 1


def test_host_candidates_deliver():
    split = Split(np.zeros((32, SIZE, SIZE, 3), "uint8"), np.arange(32))
    for candidate in pipeline._host(split, 8):
        for _ in range(5):
            candidate.call()


def test_headroom_is_of_both_stages_in_turn():
    def row(by, operation, speed):
        return Row(operation, by, "", 1, facts={"images_per_second": speed})

    rows = [
        row("host", "images", 300.0),
        row("ours", pipeline.WHOLE, 600.0),
        row("step", "no augmentation", 100.0),
    ]
    assert pipeline.headroom(rows) == pytest.approx(2.0)
