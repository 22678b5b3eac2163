"""Your own images: a classifier from a folder, from scratch or from a checkpoint.

    python recipes/image_folder.py --data-dir DIR
    python recipes/image_folder.py --data-dir DIR --weights CvT-13-224x224-IN-1k.pth \\
        --model cvt13 --image-size 224 --epochs 20 --learning-rate 1e-4

DIR holds a folder of images for each class, under train/ and test/ or not, or a
labels.csv with the columns file and label. Without a test part a seeded, stratified
fifth becomes one. --weights takes a .keras file or a published torch checkpoint, whose
classifier is left out where its classes are others.

Leaves report.html: curves, confusion matrix, the most confused classes and the most
confidently wrong images. Flips are left to right; images that have no up want
--vertical-flip --rotation 180, text and digits --no-horizontal-flip. Classes that have
an order want --ordinal, which also counts predictions that are one class off.

Settings are ours, for a few thousand images. Measured on 4,458 galaxies (EFIGI,
Baillard et al. 2011) in ten ordered classes: recipes/results/.
"""

from keras_hybrid.program import run_recipe
from keras_hybrid.train import Augmentation, Data, Network, Optimization, Recipe

RECIPE = Recipe(
    name="image_folder",
    data=Data(dataset="folder", image_size=96),
    network=Network(model="atc3", model_options=("strides=4,2,2", "stem_kernel=7")),
    augmentation=Augmentation(
        padding=0,
        horizontal_flip=True,
        random_crop=(0.6, 1.0),
        mixup=0.2,
    ),
    optimization=Optimization(
        epochs=40,
        batch_size=64,
        learning_rate=1e-3,
        warmup_epochs=3,
        global_clipnorm=1.0,
        ema_momentum=0.99,
    ),
)

if __name__ == "__main__":
    run_recipe(RECIPE, __doc__)
