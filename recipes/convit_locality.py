"""Locality of ConViT's attention heads during training, on CIFAR-100 at 32 pixels.

    python recipes/convit_locality.py --only 1-9      gates and D_loc over the epochs
    python recipes/convit_locality.py                 the sweep: 3 strengths x 4 depths

The gates' and the nonlocality's course in training, and how accuracy depends on the
initial locality strength and on the number of GPSA layers (d'Ascoli et al. 2021,
arXiv:2103.10697, section 4: ConViT-S+ on 100 classes of ImageNet, 300 epochs, 77 to
81 %, the more of both the better). Here patches of 4 pixels, 9 heads, 12 layers. Runs
are called STRENGTH-LAYERS; without GPSA layers there is no strength to vary.

Writes runs.csv, sweep.png and a folder per run, with locality.csv, gate.png and
d_loc.png, to the workdir. A stopped sweep continues with the same command.
"""

from keras_hybrid.analysis import plots, read_log
from keras_hybrid.program import run_sweep
from keras_hybrid.train import (
    Augmentation,
    Data,
    Network,
    Optimization,
    Recipe,
    Runtime,
)

STRENGTHS = (0.01, 0.1, 1.0)
LAYERS = (0, 3, 6, 9)
RECIPE = Recipe(
    data=Data(dataset="cifar100", validation_split=0.04),
    network=Network(model="convit_small", drop_path_rate=0.1),
    augmentation=Augmentation(horizontal_flip=True, mixup=0.8, cutmix=1.0),
    optimization=Optimization(
        epochs=100,
        batch_size=128,
        learning_rate=5e-4,
        warmup_epochs=5,
        global_clipnorm=1.0,
    ),
    runtime=Runtime(workdir="saved_models/convit_locality", log_attention_images=64),
)


def runs(recipe: Recipe) -> dict[str, Recipe]:
    """Every strength with every number of GPSA layers, and one run without any."""
    pairs = [(1.0, 0)] + [(s, n) for s in STRENGTHS for n in LAYERS if n]
    return {
        f"{strength:g}-{layers}": recipe.replace(
            model_options=(
                *recipe.network.model_options,
                "patch_size=4",
                f"locality_strength={strength}",
                f"gpsa_layers={layers}",
            ),
        )
        for strength, layers in pairs
    }


def draw(rows: dict[str, dict], folder) -> None:
    """Accuracy over both settings, and the course of each run."""
    cells = []
    for name, row in rows.items():
        strength, layers = name.split("-")
        settings = {"locality_strength": strength, "gpsa_layers": int(layers)}
        cells.append(settings | {"test_accuracy": row["test_accuracy"]})
        log = read_log(folder / name / "locality.csv")
        figures = {"d_loc": "D_loc (patches)"}
        if settings["gpsa_layers"]:
            figures["gate"] = "gate"
        for field, label in figures.items():
            figure = plots.over_epochs(log, field, label)
            figure.savefig(folder / name / f"{field}.png", dpi=150)
    figure = plots.grid(cells, "gpsa_layers", "locality_strength", "test_accuracy")
    figure.savefig(folder / "sweep.png", dpi=150)


if __name__ == "__main__":
    run_sweep(RECIPE, __doc__, runs, draw)
