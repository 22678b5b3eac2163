"""Your own images: a classifier from a folder, from scratch or from a checkpoint.

    python recipes/image_folder.py --data-dir DIR                  a quarter of an hour
    python recipes/image_folder.py --data-dir DIR --minutes 60
    python recipes/image_folder.py --data-dir DIR --weights imagenet
    python recipes/image_folder.py --data-dir DIR --weights cvt13.pth --model cvt13
    python recipes/image_folder.py --data-dir DIR --task regression
    python recipes/image_folder.py --data-dir DIR --task multilabel

DIR holds a folder of images for each class, under train/ and test/ or not, or a
labels.csv with the columns file and label. Without a test part a seeded, stratified
fifth becomes one. --weights takes what `keras-hybrid list --weights` prints, or a file.
Its classifier is left out where its classes are others. A classifier is trained on the
features first, then all layers.

--task regression learns the numbers in the column label, without TrivialAugment, which
changes colours and brightness. --task multilabel learns several classes per image.

--group-by auto keeps copies and frames of a video on one side of every split.

Without options the model, the size of the images, the batch size and the time are
chosen by the images that are there, and printed with the reason. Each can be given.

Leaves report.html: curves, confusion matrix, the most confused classes and the most
confidently wrong images. Flips are left to right, unless a test of the training images
says that mirrored images change their class; images without an up are turned, too.
--orientation given leaves that test out. Classes that have an order want --ordinal,
which also counts predictions that are one class off.

Measured runs of both settings are in recipes/results/.
"""

from keras_hybrid.program import run_recipe
from keras_hybrid.train import FEW_IMAGES, Recipe

SCRATCH = Recipe.of(
    name="image_folder",
    dataset="folder",
    model="auto",
    padding=0,
    random_crop=(0.6, 1.0),
    orientation="tested",
    **FEW_IMAGES,
)
CHECKPOINT = Recipe.of(
    name="image_folder",
    dataset="folder",
    model="auto",
    padding=0,
    horizontal_flip=True,
    random_crop=(0.6, 1.0),
    orientation="tested",
    mixup=0.2,
    epochs=20,
    batch_size=0,
    learning_rate=1e-4,
    final_learning_rate=1e-6,
    probe_epochs=50,
    layer_decay=0.75,
    global_clipnorm=1.0,
    ema_momentum=0.99,
)

REGRESSION = SCRATCH.replace(task="regression", trivial_augment=False)

RECIPES = {"scratch": SCRATCH, "checkpoint": CHECKPOINT, "regression": REGRESSION}

if __name__ == "__main__":
    run_recipe(RECIPES, __doc__)
