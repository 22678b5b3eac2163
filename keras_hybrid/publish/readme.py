"""`README.md` of a repository: the model card that the hub shows."""

import json
from collections.abc import Mapping
from typing import Any

from keras_hybrid import models
from keras_hybrid.data import describe_preprocessing
from keras_hybrid.data.targets import CLASSIFICATION
from keras_hybrid.train.tasks import Task, get_task

_TYPES = {"macro_f1": "f1"}  # where the hub has another name for a metric
_PLAIN = ("test_", "validation_")


def readme(card: Mapping[str, Any], repository: str, licence: str | None) -> str:
    """The text of the model card.

    Args:
        card: The card of the run.
        repository: `owner/name`.
        licence: Licence by the hub's identifier; None leaves it out.
    """
    task = get_task(card.get("task", CLASSIFICATION))
    parts = [
        _front_matter(card, repository, licence, task),
        _summary(card, repository, licence, task),
        _metrics(card),
        _data(card, task),
        _loading(card, repository, task),
    ]
    return "\n".join(parts)


def _front_matter(
    card: Mapping[str, Any], repository: str, licence: str | None, task: Task
) -> str:
    """The block that the hub indexes; its values are JSON, which YAML includes."""
    dataset = card.get("dataset", "unknown")
    tested = {
        name.removeprefix("test_"): value
        for name, value in card.get("metrics", {}).items()
        if name.startswith("test_")
    }
    published = card.get("recipe", {}).get("data", {}).get("dataset") != "folder"
    results = {
        "task": {"type": task.hub_task},
        "dataset": {"type": dataset, "name": dataset, "split": "test"},
        "metrics": [
            {"type": _TYPES.get(name, name), "name": f"test {name}", "value": value}
            for name, value in tested.items()
        ],
    }
    facts = {
        "library_name": "keras",
        "pipeline_tag": task.hub_task,
        "license": licence,
        "tags": ["keras", "keras_hybrid", task.hub_task, card["model"]],
        "datasets": [dataset] if "dataset" in card and published else None,
        "metrics": [_TYPES.get(name, name) for name in tested if name != "loss"],
        "model-index": tested
        and [{"name": repository.partition("/")[2], "results": [results]}],
    }
    lines = [
        f"{key}: {json.dumps(value, ensure_ascii=False)}"
        for key, value in facts.items()
        if value
    ]
    return "\n".join(["---", *lines, "---", ""])


def _summary(
    card: Mapping[str, Any], repository: str, licence: str | None, task: Task
) -> str:
    height, width, channels = card["input_shape"]
    size = f"{height or 'any'} x {width or 'any'} pixels with {channels} channels"
    reported = models.get(card["model"]).reported
    return (
        f"# {repository.partition('/')[2]}\n\n"
        f"An {task.kind} for Keras 3: `{card['model']}` of keras_hybrid with "
        f"{card['parameters']:,} trainable parameters, trained on "
        f"{card.get('dataset', 'unknown data')}. It takes images of {size} and gives "
        f"{task.describe_outputs(card)[0]}.\n\n"
        + (f"The network: {reported}\n\n" if reported else "")
        + (f"Licence: {licence}.\n" if licence else "No licence has been given.\n")
    )


def _metrics(card: Mapping[str, Any]) -> str:
    rows = [
        f"| {name.replace('_', ' ')} | {value:g} |"
        for name, value in card.get("metrics", {}).items()
        if name.startswith(_PLAIN)
    ]
    if not rows:
        return "## Metrics\n\nThe card of the run has none.\n"
    return "\n".join(["## Metrics\n", "| measure | value |", "|---|---|", *rows, ""])


def _data(card: Mapping[str, Any], task: Task) -> str:
    """What it was trained on, its classes, and how an image is prepared."""
    preprocessing = card["preprocessing"]
    if "steps" not in preprocessing:
        preprocessing = describe_preprocessing(preprocessing)
    steps = "\n".join(f"{i}. {x}" for i, x in enumerate(preprocessing["steps"], 1))
    tta = card.get("tta", "none")
    views = (
        ""
        if tta == "none"
        else "\nThe metrics are those of the mean over several views of an image "
        f"(`{tta}`), which `keras_hybrid.load` computes and plain Keras does not.\n"
    )
    return (
        f"## Data\n\nDataset: {card.get('dataset', 'unknown')}. Images of it are not "
        "in this repository. `recipe.json` has all settings of the training run, and "
        "`card.json` the versions.\n\n"
        f"{task.describe_outputs(card)[1]}\n\n"
        f"## Preprocessing\n\n{steps}\n{views}"
    )


def _loading(card: Mapping[str, Any], repository: str, task: Task) -> str:
    data = card.get("recipe", {}).get("data", {})
    joint = data.get("folds") and data.get("fold") is None  # no builder makes it
    builder = models.get(card["model"]).builder.__name__
    by_builder = (
        "Its weights start a model of your own, here with ten other classes:\n\n"
        "```python\nfrom keras_hybrid import models\n\n"
        f'model = models.{builder}(weights="hf://{repository}", classes=10)\n```\n\n'
    )
    return (
        "## Use\n\n```sh\n"
        'pip install "keras_hybrid[hub]"\n```\n\n'
        "`load` resizes images as in training:\n\n"
        "```python\nimport keras_hybrid\n\n"
        f'classifier = keras_hybrid.load("hf://{repository}")\n'
        f'print(classifier.predict("photo.jpg").{task.first_use})\n```\n\n'
        + ("" if joint else by_builder)
        + "Plain Keras loads the file after `import keras_hybrid`, which registers the "
        "layers. The model takes resized pixels in [0, 255]:\n\n"
        "```python\nimport keras\nimport keras_hybrid\n"
        "from huggingface_hub import hf_hub_download\n\n"
        f'file = hf_hub_download("{repository}", "model.keras")\n'
        "model = keras.saving.load_model(file, compile=False)\n```\n"
    )
