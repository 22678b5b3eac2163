"""The table of measured runs, from the cards in this folder.

    python recipes/results/table.py

Each folder here is a run as it was left, without its weights: `card.json` (settings,
seed, versions), `metrics.jsonl` (one line an epoch) and `curves.png`.
"""

import json
import pathlib
import statistics

COLUMNS = (
    ("run", "{run}"),
    ("model", "{model}, {parameters:.2f} M"),
    ("epochs", "{epochs}"),
    ("test top-1", "{test_accuracy:.2%}{within_one}"),
    ("images/s", "{images_per_second:.0f}"),
    ("input pipeline", "{data_share:.2%} of the time"),
    ("peak memory", "{peak_memory_gib:.1f} GiB"),
)


def facts(folder: pathlib.Path) -> dict:
    """What the table says of one run."""
    card = json.loads((folder / "card.json").read_text())
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    epochs = [json.loads(line) for line in lines]
    seconds = sum(epoch["seconds"] for epoch in epochs)
    speeds = [epoch["images_per_second"] for epoch in epochs]
    near = card["metrics"].get("test_within_one_accuracy")
    return {
        "run": folder.name,
        "within_one": f", {near:.2%} within one class" if near else "",
        "model": card["model"],
        "parameters": card["parameters"] / 1e6,
        **card["metrics"],
        "images_per_second": statistics.median(speeds),
        "data_share": sum(epoch["data_seconds"] for epoch in epochs) / seconds,
        "peak_memory_gib": max(epoch["peak_memory_gib"] for epoch in epochs),
    }


def main() -> None:
    """Prints the table."""
    print("| " + " | ".join(title for title, _ in COLUMNS) + " |")
    print("|---" * len(COLUMNS) + "|")
    for card in sorted(pathlib.Path(__file__).parent.glob("*/card.json")):
        row = facts(card.parent)
        print("| " + " | ".join(text.format(**row) for _, text in COLUMNS) + " |")


if __name__ == "__main__":
    main()
