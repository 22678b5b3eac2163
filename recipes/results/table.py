"""The table of measured runs, from the cards in this folder.

    python recipes/results/table.py
    python recipes/results/table.py --peak-tflops 989

Each folder here is a run as it was left, without its weights: `card.json` (settings,
seed, versions), `metrics.jsonl` (one line per epoch) and `curves.png`. The share of a
peak counts two operations per multiply-add, and three forward passes per training step.
"""

import pathlib

import tyro

from keras_hybrid import models
from keras_hybrid.analysis import macs
from keras_hybrid.train import Recipe, read_metrics, summary
from keras_hybrid.utils.card import read_card

COLUMNS = {
    "run": "{run}",
    "model": "{model}, {parameters:.2f} M",
    "epochs": "{epochs}",
    "test top-1": "{test_accuracy:.2%}{within_one}",
    "images/s": "{images_per_second:.0f}",
    "input pipeline": "{data_share:.2%} of the time",
    "peak memory": "{memory:.1f} GiB",
}


def facts(folder: pathlib.Path) -> dict:
    """What the table says of one run; its memory is the GPU's if it had one."""
    card = read_card(folder / "card.json")
    epochs = read_metrics(folder)
    run = card["metrics"] | summary(epochs, len(epochs))
    near = run.get("test_within_one_accuracy")
    waited = sum(epoch["data_seconds"] for epoch in epochs)
    return run | {
        "run": folder.name,
        "within_one": f", {near:.2%} within one class" if near else "",
        "model": card["model"],
        "parameters": card["parameters"] / 1e6,
        "data_share": waited / run["training_seconds"],
        "memory": run.get("device_memory_gib", run["peak_memory_gib"]),
    }


def operations_per_image(folder: pathlib.Path) -> float:
    """Of a training step."""
    card = read_card(folder / "card.json")
    recipe = Recipe.from_settings(card["recipe"])
    model = models.get(card["model"]).builder(
        input_shape=tuple(card["input_shape"]),
        classes=len(card["class_names"]),
        **recipe.network.arguments(),
    )
    return 3 * 2 * macs(model)


def main(peak_tflops: float | None = None) -> None:
    """Prints the table as Markdown.

    Args:
        peak_tflops: The device's published peak in the runs' precision, in 10^12
            operations per second: a column says which share of it training had.
    """
    more = {"of peak": "{share:.1%}"} if peak_tflops else {}
    columns = COLUMNS | more
    print("| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|")
    for card in sorted(pathlib.Path(__file__).parent.glob("*/card.json")):
        row = facts(card.parent)
        if peak_tflops:
            speed = row["images_per_second"] * operations_per_image(card.parent)
            row["share"] = speed / (1e12 * peak_tflops)
        print("| " + " | ".join(text.format(**row) for text in columns.values()) + " |")


if __name__ == "__main__":
    tyro.cli(main)
