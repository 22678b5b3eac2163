"""The published transfer settings: from an ImageNet checkpoint to a smaller dataset.

    python recipes/finetune.py ceit-224 --weights ceit_tiny.pth --dataset cifar100
    python recipes/finetune.py cvt-384 --weights CvT-13-384x384-IN-22k.pth

Weights are not downloaded: the README says where each family's are. Data: `--dataset`
is any name that `--help` lists, tfds:oxford_flowers102 for one, or folder.

CeiT (Yuan et al. 2021, Table 6 and main.py): 100 epochs, batch 512, AdamW 5e-4, cosine,
2 epochs of warm-up, weight decay 1e-8, the augmentation of its training, at 224 or 384
pixels. The published code keeps the network in evaluation mode throughout (BatchNorm
frozen, no stochastic depth) and looks for a layer that the network does not have; here
it trains as the paper says. Published: CeiT-T 98.5 / 88.4 % on CIFAR-10 / 100 at 224,
96.9 % on Flowers, 93.8 % on Pets; CeiT-S 99.0 / 90.8 %.

CvT (Wu et al. 2021, section 4.1): SGD with momentum 0.9, batch 512, 10,000 steps on
CIFAR, 500 on Pets and Flowers, at 384 pixels. Its learning rates are not given; its
384-pixel files repeat the settings of training from scratch. 0.03 is ours, ViT's
choice. 100 epochs of CIFAR's 50,000 images are 9,800 steps. Published, from
ImageNet-22k: CvT-13 98.83 / 91.11 % on CIFAR-10 / 100, 99.50 % on Flowers.
"""

from keras_hybrid.program import run_recipe
from keras_hybrid.train import DEIT_AUGMENTATION, Recipe

CEIT = {
    "dataset": "cifar100",
    "model": "ceit_tiny",
    "epochs": 100,
    "batch_size": 512,
    "learning_rate": 5e-4,
    "final_learning_rate": 1e-5,
    "warmup_epochs": 2,
    "weight_decay": 1e-8,
    "padding": 0,
    "horizontal_flip": True,
    "random_crop": (0.08, 1.0),
    **DEIT_AUGMENTATION,
    "precision": "mixed_bfloat16",
}
CVT = {
    "dataset": "cifar100",
    "model": "cvt13",
    "optimizer": "sgd",
    "epochs": 100,
    "batch_size": 512,
    "learning_rate": 0.03,
    "final_learning_rate": 0.0,
    "warmup_epochs": 5,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "global_clipnorm": 1.0,
    "padding": 0,
    "horizontal_flip": True,
    "random_crop": (0.5, 1.0),
    "precision": "mixed_bfloat16",
}
RECIPES = {
    "ceit-224": Recipe.of(name="ceit-224", image_size=224, **CEIT),
    "ceit-384": Recipe.of(name="ceit-384", image_size=384, **CEIT),
    "cvt-224": Recipe.of(name="cvt-224", image_size=224, **CVT),
    "cvt-384": Recipe.of(name="cvt-384", image_size=384, **CVT),
}

if __name__ == "__main__":
    run_recipe(RECIPES, __doc__)
