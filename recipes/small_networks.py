"""The best network with at most 4 M parameters on CIFAR-100, 32 pixels, from scratch.

    KERAS_BACKEND=jax python recipes/small_networks.py --precision mixed_bfloat16 \\
        --steps-per-execution 39                                  for a GPU
    python recipes/small_networks.py --only 'atc*' --epochs 20    a part of it

The reference is CCT-7/3x1 (Hassani et al. 2021, arXiv:2104.05704): 3.8 M parameters,
80.92 % top-1 after 300 epochs. The settings below are those of its code.
A tenth of the training images is held out: choose by `validation_accuracy`, then train
the choice again with `--validation-split 0 --only NAME --workdir NEW`. The test set is
used once per run, never for the choice.

Writes small_networks.csv and a folder per run to the workdir. A stopped sweep continues
with the same command. No complete run has been made yet.
"""

from keras_hybrid.program import run_sweep
from keras_hybrid.train import (
    DEIT_AUGMENTATION,
    Augmentation,
    Data,
    Network,
    Optimization,
    Recipe,
    Runtime,
    print_table,
    write_csv,
)

_NARROW = ("widths=64,128,256", "heads=1,2,4")
_CVT = ("depths=1,2,3", "kernels=3,3,3", "strides=1,2,2", "paddings=1,1,1")
_PYRAMID = ("stem_stride=1", "strides=1,2,2,2", "stem_widths=32,32")
NETWORKS = {
    "atc": ("atc3", "depths=2,6,3", *_NARROW),
    "atc_res": ("atc_res3", "depths=2,4,3", *_NARROW),
    "atc_literal": ("atc3", "depths=2,8,6", "last_stage=atc", *_NARROW),
    "cvt": ("cvt13", *_CVT, *_NARROW),
    "ceit": ("ceit_tiny", "i2t_kernel=3", "i2t_stride=1", "i2t_pool=False", "depth=7"),
    "coatnet": ("coatnet0", "depths=2,3,4,1", "widths=48,96,192,320", *_PYRAMID),
    "astroformer": (
        "astroformer0",
        "depths=2,3,5,2",
        "widths=48,96,192,256",
        "head_hidden=256",
        *_PYRAMID,
    ),
}
RECIPE = Recipe(
    data=Data(dataset="cifar100", validation_split=0.1),
    network=Network(drop_path_rate=0.1),
    augmentation=Augmentation(horizontal_flip=True, **DEIT_AUGMENTATION),
    optimization=Optimization(
        epochs=300,
        batch_size=128,
        learning_rate=6e-4,
        warmup_epochs=10,
        weight_decay=0.06,
        global_clipnorm=1.0,
    ),
    runtime=Runtime(workdir="saved_models/small_networks"),
)


def runs(recipe: Recipe) -> dict[str, Recipe]:
    """A recipe for every network."""
    return {
        name: recipe.replace(model=model, model_options=tuple(options))
        for name, (model, *options) in NETWORKS.items()
    }


def tabulate(rows: dict[str, dict], folder) -> None:
    """The networks, in descending order of validation accuracy."""
    found = sorted(rows.values(), key=lambda row: -row.get("validation_accuracy", 0))
    write_csv(found, folder / "small_networks.csv")
    print_table(found)


if __name__ == "__main__":
    run_sweep(RECIPE, __doc__, runs, tabulate)
