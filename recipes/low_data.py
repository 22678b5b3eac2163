"""How accuracy falls with the number of images: fractions x networks on CIFAR-100.

    python recipes/low_data.py                                    for a GPU
    python recipes/low_data.py --only atc3-0.1 convit-0.1 cvt13-0.1 --epochs 2 \\
        --warmup-epochs 0.2 --batch-size 64 --mixup 0 --cutmix 0  two CPU cores

The sample-efficiency curve of ConViT (d'Ascoli et al. 2021, Table 2: ImageNet, 300
epochs over the fraction, so that every run sees as many images; top-1 of DeiT-S and
ConViT-S at 5 % 34.8 and 47.8, at 10 % 48.0 and 59.6, at 100 % 79.9 and 81.4), here on
CIFAR-100 at 32 pixels, on the same subsets for all networks. `--epochs` is for 100 %.

Writes runs.csv, low_data.png and a folder per run to the workdir. A stopped sweep
continues with the same command. Measured runs are in recipes/results/.
"""

from keras_hybrid.program import run_sweep
from keras_hybrid.train import (
    Augmentation,
    Data,
    Network,
    Optimization,
    Recipe,
    Runtime,
)
from keras_hybrid.utils.figures import blank_figure

NETWORKS = {
    "vit": ("convit_tiny", "patch_size=4", "gpsa_layers=0"),
    "convit": ("convit_tiny", "patch_size=4"),
    "cvt13": ("cvt13", "strides=2,2,2"),
    "atc3": ("atc3", "strides=2,2,2"),
    "atc13": ("atc13", "strides=2,2,2"),
    "astroformer": ("astroformer0", "stem_stride=1", "strides=1,2,2,2"),
}
RECIPE = Recipe(
    data=Data(dataset="cifar100", validation_split=0.04),
    network=Network(drop_path_rate=0.1),
    augmentation=Augmentation(horizontal_flip=True, mixup=0.8, cutmix=1.0),
    optimization=Optimization(
        epochs=200,
        batch_size=128,
        learning_rate=5e-4,
        warmup_epochs=5,
        global_clipnorm=1.0,
    ),
    runtime=Runtime(workdir="saved_models/low_data"),
)


def runs(recipe: Recipe) -> dict[str, Recipe]:
    """Every network on every fraction."""
    return {
        f"{network}-{fraction:g}": recipe.replace(
            model=model,
            model_options=tuple(options),
            fraction=fraction,
            epochs=round(recipe.optimization.epochs / fraction),
            warmup_epochs=recipe.optimization.warmup / fraction,
        )
        for network, (model, *options) in NETWORKS.items()
        for fraction in (0.05, 0.1, 0.3, 0.5, 1.0)
    }


def draw(rows: dict[str, dict], folder) -> None:
    """Test accuracy over the fraction, with a line per network."""
    figure = blank_figure(6, 4)
    axes = figure.subplots()
    for network in NETWORKS:
        ours = [row for name, row in rows.items() if name.startswith(f"{network}-")]
        points = [(row["fraction"], row["test_accuracy"]) for row in ours]
        axes.plot(*zip(*points, strict=True), "o-", label=network) if points else None
    axes.set(xscale="log", xlabel="share of the training images", ylabel="test top-1")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(folder / "low_data.png", dpi=150)


if __name__ == "__main__":
    run_sweep(RECIPE, __doc__, runs, draw)
