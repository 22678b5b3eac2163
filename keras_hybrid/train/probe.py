"""A linear probe: the classifier alone, trained on the features of a fixed network.

Fine-tuning that starts from a trained classifier changes the features less than from a
random one (Kumar et al. 2022, arXiv:2202.10054).
"""

import math

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.data import Evaluation, Split
from keras_hybrid.train.crossentropy import Crossentropy, class_weights
from keras_hybrid.train.evaluate import BATCH
from keras_hybrid.train.recipe import Recipe

LEARNING_RATE = 1e-2


def train_classifier(recipe: Recipe, network: keras.Model, split: Split) -> None:
    """Trains the classifier of a network; nothing else changes.

    The features are computed once, without augmentation. The classifier learns by Adam
    with a cosine schedule.

    Args:
        recipe: The settings: `probe_epochs`, label smoothing and class balance.
        network: A model that returns logits, changed in place.
        split: Training images.
    """
    head = models.classifier(network)
    images = Evaluation(split, head.units, BATCH)
    print(f"Training the classifier alone on {len(split):,} images.", flush=True)
    backbone = keras.Model(network.input, head.input)
    features = backbone.predict(images, verbose=0)[: len(split)].astype("float32")
    inputs = keras.Input(features.shape[1:])
    probe = keras.layers.Dense(head.units, dtype="float32")
    model = keras.Model(inputs, probe(inputs))
    probe.set_weights(head.get_weights())
    epochs = recipe.fine_tuning.probe_epochs
    steps = epochs * math.ceil(len(split) / BATCH)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    balance = recipe.optimization.class_balance != "none"
    weights = class_weights(split.labels, head.units) if balance else None
    loss = Crossentropy(recipe.optimization.label_smoothing, weights)
    model.compile(keras.optimizers.Adam(rate), loss)
    targets = np.eye(head.units, dtype="float32")[split.labels]
    model.fit(features, targets, BATCH, epochs, verbose=0)
    head.set_weights(probe.get_weights())
