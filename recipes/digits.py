"""Handwritten digits: train, test, save and export a classifier in a few minutes.

    python recipes/digits.py

Data: scikit-learn's 1,797 real digits (UCI, 8x8, enlarged to 32x32), embedded in the
library, nothing is downloaded; a class-balanced fifth is the test set.
"""

from keras_hybrid.program import run_recipe
from keras_hybrid.train import (
    Augmentation,
    Data,
    Network,
    Optimization,
    Recipe,
    Runtime,
)

RECIPE = Recipe(
    name="digits",
    data=Data(dataset="digits"),
    network=Network(model="atc3", model_options=("strides=2,2,2",)),
    augmentation=Augmentation(padding=3),
    optimization=Optimization(epochs=18, batch_size=32, learning_rate=1e-3),
    runtime=Runtime(export=("saved_model", "litert")),
)

if __name__ == "__main__":
    run_recipe(RECIPE, __doc__)
