"""Small networks on few images: the same method and time for each, several seeds.

    python recipes/few_images.py                       CIFAR-100, 50 images per class
    python recipes/few_images.py --per-class 20 --minutes 20
    python recipes/few_images.py --dataset folder --data-dir photos --image-size 96 \\
        --per-class None

Compares ResNet-9, the same with gated attention, ResNet-18 of width 32 and ATC-3. All
training images are used and the settings are fixed: choose settings with `keras-hybrid
tune`, on validation images. A run takes --minutes of wall time. On a machine with other
work compare `training_cpu_seconds`, too.

Writes runs.csv, table.csv (mean and standard deviation over the seeds) and a folder per
run to the workdir. A stopped sweep continues with the same command.
"""

from keras_hybrid.program import run_sweep
from keras_hybrid.train import (
    FEW_IMAGES,
    Recipe,
    mean_and_spread,
    print_table,
    write_csv,
)

NETWORKS = {
    "resnet9": ("resnet9",),
    "resnet9_hybrid": ("resnet9_hybrid",),
    "resnet18_small": ("resnet18_small",),
    "atc3": ("atc3", "strides=2,2,2"),
}
SEEDS = (0, 1, 2)
RECIPE = Recipe.of(
    name="few_images",
    dataset="cifar100",
    per_class=50,
    validation_split=0.0,
    workdir="saved_models/few_images",
    **FEW_IMAGES | {"minutes": 6.0},
)


def runs(recipe: Recipe) -> dict[str, Recipe]:
    """Every network with every seed, which also chooses the images."""
    return {
        f"{network}-{seed}": recipe.replace(
            model=model,
            model_options=(*options, *recipe.network.model_options),
            seed=seed,
        )
        for network, (model, *options) in NETWORKS.items()
        for seed in SEEDS
    }


def tabulate(rows: dict[str, dict], folder) -> None:
    """Writes and prints the mean and the standard deviation over the seeds."""
    table = []
    for network in NETWORKS:
        seeds = [
            row for name, row in rows.items() if name.rpartition("-")[0] == network
        ]
        if seeds:
            table.append({"network": network, "seeds": len(seeds)} | _spread(seeds))
    write_csv(table, folder / "table.csv")
    print_table(table)


def _spread(seeds: list[dict]) -> dict[str, str]:
    found = {"parameters": seeds[0]["parameters"]}
    for name in ("test_accuracy", "test_macro_f1", "epochs", "training_cpu_seconds"):
        found[name] = mean_and_spread([row[name] for row in seeds])
    return found


if __name__ == "__main__":
    run_sweep(RECIPE, __doc__, runs, tabulate)
