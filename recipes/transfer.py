"""What pretrained weights gain: ten classes of CIFAR-100 with 20 images each.

    python recipes/transfer.py
    python recipes/transfer.py --model resnet9_hybrid --per-class 5

Trains a network on the other 90 classes, ten times as long as --minutes. Then it trains
on the ten classes, the first by name, from these weights and from scratch: the same
images, the same time, three seeds. A stopped sweep continues with the same command.

Writes runs.csv, table.csv (mean and standard deviation over the seeds) and a folder per
run to the workdir. Measured runs are in recipes/results/.
"""

from keras_hybrid.program import run_sweep
from keras_hybrid.train import (
    FEW_IMAGES,
    Recipe,
    mean_and_spread,
    print_table,
    write_csv,
)

SEEDS = (0, 1, 2)
RECIPE = Recipe.of(
    name="transfer",
    dataset="cifar100",
    per_class=20,
    validation_split=0.0,
    model="resnet9",
    workdir="saved_models/transfer",
    **FEW_IMAGES | {"minutes": 2.0},
)
FINE_TUNING = {
    "learning_rate": 1e-3,
    "final_learning_rate": 1e-5,
    "progressive_resizing": False,
    "probe_epochs": 100,
    "layer_decay": 0.7,
}


def runs(recipe: Recipe) -> dict[str, Recipe]:
    """One run of pretraining, then both starts with every seed."""
    minutes = recipe.optimization.minutes
    source = recipe.replace(
        class_range=(10, 100), per_class=None, minutes=minutes and 10 * minutes
    )
    target = recipe.replace(class_range=(0, 10))
    file = recipe.directory / "pretraining" / "model.keras"
    tuned = target.replace(weights=str(file), **FINE_TUNING)
    starts = {"scratch": target, "fine-tuning": tuned}
    return {"pretraining": source} | {
        f"{start}-{seed}": settings.replace(seed=seed)
        for start, settings in starts.items()
        for seed in SEEDS
    }


def tabulate(rows: dict[str, dict], folder) -> None:
    """Writes and prints the mean and the standard deviation over the seeds."""
    table = []
    for start in ("scratch", "fine-tuning"):
        found = [row for name, row in rows.items() if name.startswith(f"{start}-")]
        if found:
            accuracy = mean_and_spread([row["test_accuracy"] for row in found])
            table.append(
                {"start": start, "seeds": len(found), "test_accuracy": accuracy}
            )
    if table:
        write_csv(table, folder / "table.csv")
        print_table(table)


if __name__ == "__main__":
    run_sweep(RECIPE, __doc__, runs, tabulate)
