"""Costs of networks by count instead of time, which are the same on a busy machine.

For a small network of each family: XLA's operations, bytes moved and temporary memory
of inference and of a training step on this kind of device, and the operations of
exported files. A test compares them with a JSON file and fails if one grows by more
than 2 %.
"""

import json
import pathlib
import tempfile
from collections.abc import Iterable
from importlib import metadata
from typing import Any

import keras
import numpy as np

from benchmarks.fold import operations
from benchmarks.keras_runners import Jax
from keras_hybrid import models
from keras_hybrid.export.converter_process import convert
from keras_hybrid.export.fold import fold
from keras_hybrid.export.formats import FORMATS

BATCH_SIZE = 4
FORMATS_COUNTED = ("litert", "onnx")
_COAT = {
    "depths": (1, 1, 2, 1),
    "widths": (16, 32, 64, 128),
    "stem_widths": (16, 16),
    "head_hidden": 128,
    "input_shape": (64, 64, 3),
}
NETWORKS: dict[str, dict[str, Any]] = {
    "ATC": {"strides": (2, 2, 2), "widths": (16, 48, 96)},
    "CvT": {
        "depths": (1, 1, 2),
        "widths": (16, 48, 96),
        "input_shape": (64, 64, 3),
    },
    "CeiT": {"depth": 3, "width": 48, "input_shape": (64, 64, 3)},
    "ConViT": {
        "depth": 3,
        "gpsa_layers": 2,
        "width": 64,
        "patch_size": 8,
        "input_shape": (64, 64, 3),
    },
    "CoAtNet": _COAT,
    "Astroformer": _COAT,
}


def build(family: str) -> keras.Model:
    """The small network of a family, from normalized input to ten logits."""
    return getattr(models, family)(
        classes=10,
        classifier_activation=None,
        include_preprocessing=False,
        **NETWORKS[family],
    )


def xla_costs(model: keras.Model) -> dict[str, dict[str, int]]:
    """XLA's counts for inference and for a training step, by task and measure.

    `operations` and `bytes` come from XLA's cost analysis. `temporary` is the memory in
    bytes that XLA allocates beside weights, inputs and outputs.
    """
    runner = Jax(model)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH_SIZE, *model.input_shape[1:])).astype("float32")
    y = np.eye(model.output_shape[-1], dtype="float32")[np.zeros(BATCH_SIZE, int)]
    costs = {}
    for task in ("inference", "training"):
        compiled, _ = runner.compiled(task, x, y)
        analysis = compiled.cost_analysis()
        costs[task] = {
            "operations": round(analysis["flops"]),
            "bytes": round(analysis["bytes accessed"]),
            "temporary": compiled.memory_analysis().temp_size_in_bytes,
        }
    return costs


def file_costs(model: keras.Model) -> dict[str, dict[str, int]]:
    """Operations in the exported files, by format."""
    costs = {}
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "model.keras"
        fold(model).save(source)
        for format in FORMATS_COUNTED:
            path = pathlib.Path(folder) / FORMATS[format].file_name
            convert(format, source, path, {})
            costs[format] = {"operations": operations(path)}
    return costs


def growth(found: dict, pinned: dict) -> dict[str, float]:
    """Relative growth of each measure over the pinned one: 0.02 is 2 %."""
    return {
        f"{task} {measure}": found[task][measure] / value - 1
        for task, measures in pinned.items()
        for measure, value in measures.items()
    }


def main(
    out: pathlib.Path = pathlib.Path("costs.json"),
    families: Iterable[str] = tuple(NETWORKS),
) -> None:
    """Count operations, bytes and memory of a small network per family on JAX.

    Args:
        out: JSON file; the counts of other families stay in it.
        families: Families to count.
    """
    costs = json.loads(out.read_text()) if out.exists() else {}
    costs["jaxlib"] = metadata.version("jaxlib")
    for family in families:
        model = build(family)
        costs[family] = xla_costs(model) | file_costs(model)
        print(family, costs[family], flush=True)
    out.write_text(json.dumps(costs, indent=2) + "\n")
