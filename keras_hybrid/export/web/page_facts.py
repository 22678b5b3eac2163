"""What a page says of its model, and needs to prepare images for it."""

from collections.abc import Mapping
from typing import Any

from keras_hybrid.data.resize import TRAINING_RESIZE
from keras_hybrid.export.input_scale import input_scale
from keras_hybrid.utils.rejection import REJECTED

FACTS = "model.json"
"""The file of a page that says what its model is."""
_NAMES = {
    "classification": "class_names",
    "multilabel": "class_names",
    "regression": "value_names",
}
"""The tasks whose answers a page shows, and where a card names their outputs."""

_RULE = ("fit", "crop", "interpolation", "pixel_range")


def page_facts(facts: Mapping[str, Any], outputs: int) -> dict[str, Any]:
    """The part of a page's `model.json` that a model's card determines.

    Args:
        facts: The card, with the `reference` of its `artefact`.
        outputs: Number of its outputs.

    Raises:
        ValueError: If it takes images of any size, or normalized ones and its card does
            not say how.
    """
    reference = facts["artefact"]["reference"]
    pixels, shape = reference["pixels"], reference["shape"]
    if None in shape:
        raise ValueError(
            "A page needs a model of one input size: build it with an input_shape."
        )
    scale = input_scale(facts, pixels, shape[-1])
    if scale is None:
        raise ValueError(
            "The model takes normalized images: write their mean and std as "
            "'preprocessing' into its card.json."
        )
    task = facts.get("task", "classification")
    if task not in _NAMES:
        raise ValueError(f"A page shows {', '.join(_NAMES)}, not {task}.")
    names = facts.get(_NAMES[task])
    rule = TRAINING_RESIZE | {"fit": "crop"} | dict(facts.get("preprocessing", {}))
    about = (facts.get("dataset"), facts.get("model", "model"))
    return {
        "title": ": ".join(str(x) for x in about if x),
        "task": task,
        "names": names or [f"class {i}" for i in range(outputs)],
        "thresholds": facts.get("thresholds") or [0.5] * outputs,
        "rejected": REJECTED,
        "pixels": pixels,
        "input": dict(zip(("height", "width", "channels"), shape, strict=True)) | scale,
        "preprocessing": {x: rule[x] for x in _RULE if x in rule},
    }
