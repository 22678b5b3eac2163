"""A linear probe: the classifier alone, trained on the features of a fixed network.

Fine-tuning that starts from a trained classifier changes the features less than from a
random one (Kumar et al. 2022, arXiv:2202.10054).
"""

import math

import keras

from keras_hybrid import models
from keras_hybrid.data import Split
from keras_hybrid.data.targets import target_rows
from keras_hybrid.train.evaluate import BATCH, predict_features
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.tasks import get_task

LEARNING_RATE = 1e-2


def train_classifier(recipe: Recipe, network: keras.Model, split: Split) -> None:
    """Trains the classifier of a network; nothing else changes.

    The features are computed once, without augmentation. The classifier learns by Adam
    with a cosine schedule.

    Args:
        recipe: The settings: `probe_epochs`, label smoothing and class balance.
        network: What `Task.trained` returned, changed in place.
        split: Training images.
    """
    head = models.classifier(network)
    print(f"Training the classifier alone on {len(split):,} images.", flush=True)
    features = predict_features(network, split)
    inputs = keras.Input(features.shape[1:])
    probe = keras.layers.Dense(head.units, dtype="float32")
    model = keras.Model(inputs, models.after_logits(network, probe(inputs)))
    probe.set_weights(head.get_weights())
    epochs = recipe.fine_tuning.probe_epochs
    steps = epochs * math.ceil(len(split) / BATCH)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    balanced = recipe
    if recipe.optimization.class_balance == "sampling":  # all images are seen alike
        balanced = recipe.replace(class_balance="weights")
    loss = get_task(recipe.data.task).loss(balanced, network, split)
    model.compile(keras.optimizers.Adam(rate), loss)
    targets = target_rows(split.labels, head.units)
    model.fit(features, targets, BATCH, epochs, verbose=0)
    head.set_weights(probe.get_weights())
