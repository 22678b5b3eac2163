"""ImageNet-1k from scratch: each family's published settings, written down.

    python recipes/imagenet.py convit_tiny --data-dir IMAGENET

IMAGENET holds train/ and val/ with a folder of images for each class, as the archives
unpack; images are decoded as they are needed. The batch is the global one: on fewer or
smaller devices --gradient-accumulation-steps 8 --batch-size 128 takes the same steps.
No complete run has been made here; the tests take two steps of each.

ConViT (main.py) and CeiT (main.py): AdamW, 1e-3 at batch 1024, weight decay 0.05, 300
epochs, stochastic depth 0.1, repeated augmentation 3. CeiT-B: 100 epochs in one table
of its README, 150 in another; 100 here. CeiT averages its weights (0.99996), ConViT
does not. The "Plus" models of ConViT: 4e-4 at batch 512.
CvT (yaml files): 2.5e-4 times 8 GPUs of 256 images, 2e-3 at batch 2048 (the paper
prints 0.02); weight decay 0.05, CvT-21 and W24 0.1. CvT-21's file, as published, turns
RandAugment and erasing off, surely by mistake; here they are on.
CoAtNet (paper, appendix): 1e-3 at batch 4096, 32 epochs (10,000 steps) of warm-up,
RandAugment 15 (ours ends at 10), mixup 0.8, clipping at 1, stochastic depth 0.2 to 0.7.
The published codes warm up by whole epochs from 1e-6; here it goes by steps.
"""

from keras_hybrid.program import run_recipe
from keras_hybrid.train import DEIT_AUGMENTATION, Recipe

COMMON = {
    "dataset": "folder",
    "image_size": 224,
    "validation_split": 0.01,
    "epochs": 300,
    "warmup_epochs": 5,
    "padding": 0,
    "horizontal_flip": True,
    "random_crop": (0.08, 1.0),
    "precision": "mixed_bfloat16",
}
DEIT = COMMON | {
    "batch_size": 1024,
    "learning_rate": 1e-3,
    "drop_path_rate": 0.1,
    **DEIT_AUGMENTATION,
}
CONVIT = DEIT | {"repeated_augmentation": 3}
CONVIT_PLUS = CONVIT | {"batch_size": 512, "learning_rate": 4e-4}
CEIT = DEIT | {"repeated_augmentation": 3, "ema_momentum": 0.99996}
CVT = DEIT | {"batch_size": 2048, "learning_rate": 2e-3, "drop_path_rate": None}
COATNET = COMMON | {
    "batch_size": 4096,
    "learning_rate": 1e-3,
    "warmup_epochs": 32,
    "global_clipnorm": 1.0,
    "rand_augment": 10,
    "mixup": 0.8,
}
SETTINGS = {
    "convit_tiny": CONVIT,
    "convit_small": CONVIT,
    "convit_base": CONVIT,
    "convit_tiny_plus": CONVIT_PLUS,
    "convit_small_plus": CONVIT_PLUS,
    "convit_base_plus": CONVIT_PLUS,
    "ceit_tiny": CEIT,
    "ceit_small": CEIT,
    "ceit_base": CEIT | {"epochs": 100},
    "cvt13": CVT,
    "cvt21": CVT | {"weight_decay": 0.1},
    "cvt_w24": CVT | {"weight_decay": 0.1},
    "coatnet0": COATNET | {"drop_path_rate": 0.2},
    "coatnet1": COATNET | {"drop_path_rate": 0.3},
    "coatnet2": COATNET | {"drop_path_rate": 0.5},
    "coatnet3": COATNET | {"drop_path_rate": 0.7},
}
RECIPES = {
    name: Recipe.of(name="imagenet", model=name, **SETTINGS[name]) for name in SETTINGS
}

if __name__ == "__main__":
    run_recipe(RECIPES, __doc__)
