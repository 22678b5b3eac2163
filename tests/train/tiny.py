"""A network, images and a recipe as small as training takes them."""

import keras
import numpy as np

from keras_hybrid import data
from keras_hybrid.data import Split, sources
from keras_hybrid.train import Recipe

CLASSES = 3


def network(dropout=0.0, size=8):
    """As small as a network can be that has every kind of state."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3, strides=2, use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(dropout)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


def images(count=24, size=8):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, size, size, 3)).astype("uint8")
    return Split(pixels, np.arange(count) % CLASSES)


def recipe(**fields):
    defaults = {"epochs": 2, "warmup_epochs": 0.5, "batch_size": 4, "padding": 2}
    return Recipe.of(**defaults | fields)


def run_on(loader, monkeypatch, workdir, **fields):
    """A recipe of a thin ResNet-9 on a dataset that lasts as long as the test."""
    monkeypatch.setattr(sources, "SOURCES", dict(sources.SOURCES))
    data.register_dataset("blobs", loader)
    return Recipe.of(
        dataset="blobs",
        model="resnet9",
        model_options=("widths=8,8,8", "stem_width=4"),
        workdir=str(workdir),
        **fields,
    )


def interrupting(epoch):
    """Makes a callback for `fit` that interrupts an epoch, counted from 0."""

    def on_epoch_begin(number, logs):
        if number == epoch:
            raise KeyboardInterrupt

    return lambda *_: [keras.callbacks.LambdaCallback(on_epoch_begin=on_epoch_begin)]
