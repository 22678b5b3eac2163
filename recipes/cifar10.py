"""CIFAR-10 at 32x32 from scratch (Krizhevsky 2009: 50,000 + 10,000 images).

    python recipes/cifar10.py                       the full run, for a GPU
    python recipes/cifar10.py --minutes 60          an hour on two CPU cores
    python recipes/cifar10.py --minutes 5 --per-class 50       few images

Data: cifar-10-binary.tar.gz (cs.toronto.edu), downloaded on the first run, or
in --data-dir, as cifar10.npz or a prepared tensorflow-datasets set, too.
Settings: those of recipes/cifar100.py. Expected: no published figure of a network of
this package from scratch at 32 pixels is known; at 224 Astroformer claims 99.12 %,
which users doubt, and CvT-13 has 98.83 % after ImageNet-22k (recipes/finetune.py).
What this repository has measured is in recipes/results/.
"""

from keras_hybrid.program import run_recipe
from keras_hybrid.train import (
    DEIT_AUGMENTATION,
    FEW_IMAGES,
    Augmentation,
    Data,
    Network,
    Optimization,
    Recipe,
)

FULL = Recipe(
    name="cifar10",
    data=Data(dataset="cifar10", validation_split=0.04),
    network=Network(model="atc13"),
    augmentation=Augmentation(horizontal_flip=True, **DEIT_AUGMENTATION),
    optimization=Optimization(
        epochs=300,
        batch_size=128,
        learning_rate=1e-3,
        warmup_epochs=5,
    ),
)
MINUTES = Recipe.of(
    name="cifar10-minutes",
    dataset="cifar10",
    validation_split=0.04,
    model="auto",
    **FEW_IMAGES,
)

RECIPES = {"full": FULL, "minutes": MINUTES}

if __name__ == "__main__":
    run_recipe(RECIPES, __doc__)
