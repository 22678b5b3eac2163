"""Writes a model as a page: a folder for any static web server."""

import gzip
import json
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_hybrid.analysis.rollout_output import rollout_output
from keras_hybrid.export.check import reference_images
from keras_hybrid.export.runtime import in_batches, open_exported
from keras_hybrid.export.ship_pack import SELF_TESTS
from keras_hybrid.export.web.page_facts import FACTS
from keras_hybrid.export.web.runtime_files import RUNTIMES, VERSION, require_runtime
from keras_hybrid.export.web.small_onnx import write_float16, write_int8
from keras_hybrid.export.writers import onnx
from keras_hybrid.utils.files import sha256

PAGE = pathlib.Path(__file__).with_name("page")
"""The files that are copied as they are."""
_SMALLER = {"16 bits": write_float16, "8 bits": write_int8}
_LARGEST_DIFFERENCE = 0.25
"""Share of the largest logit by which a smaller file may differ to be offered."""


def write_page(
    model: keras.Model, target: pathlib.Path, page: Mapping[str, Any]
) -> None:
    """Writes the folder.

    Args:
        model: The model with the outputs that the page reads.
        target: The folder.
        page: What `page_facts` returns.

    Raises:
        FileNotFoundError: If the runtime is not cached.
    """
    runtime = require_runtime()
    outputs = dict(model.output)
    rollout = rollout_output(model)
    if rollout is not None:
        outputs["rollout"] = rollout
    shutil.copytree(PAGE, target)
    shutil.copy(SELF_TESTS / "preprocess.mjs", target)
    pages = sorted(path.name for path in target.iterdir() if path.name != "sw.js")
    onnx(keras.Model(model.input, outputs), target / "model.onnx")
    shutil.copytree(runtime, target / "runtime")
    facts = dict(page) | {
        "rollout": rollout is not None,
        "models": _models(target, model.input_shape[1:], page["pixels"]),
        "runtime": {"version": VERSION}
        | {name: _runtime(runtime, files) for name, files in RUNTIMES.items()},
        "files": [*pages, FACTS],
    }
    text = json.dumps(facts, ensure_ascii=False, indent=1) + "\n"
    (target / FACTS).write_text(text, encoding="utf-8")


def _models(
    target: pathlib.Path, shape: tuple[int, ...], pixels: bool
) -> list[dict[str, Any]]:
    """Writes the smaller files, and describes those that are close to the exact one."""
    exact = target / "model.onnx"
    images = reference_images(shape, pixels, 8)
    expected = in_batches(open_exported(exact)[0], images)["logits"]
    models = [_model(exact, "32 bits", 0.0)]
    for name, write in _SMALLER.items():
        path = target / f"model_{name.replace(' bits', 'bit')}.onnx"
        write(exact, path)
        found = in_batches(open_exported(path)[0], images)["logits"]
        difference = float(np.abs(found - expected).max() / np.abs(expected).max())
        if difference <= _LARGEST_DIFFERENCE:
            models.append(_model(path, name, difference))
        else:
            path.unlink()
    return models


def _model(path: pathlib.Path, name: str, difference: float) -> dict[str, Any]:
    return {
        "name": name,
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
        "difference": difference,
    }


def _runtime(folder: pathlib.Path, files: tuple[str, ...]) -> dict[str, Any]:
    contents = [(folder / name).read_bytes() for name in files]
    return {
        "files": [f"runtime/{name}" for name in files],
        "bytes": sum(map(len, contents)),
        "compressed": sum(len(gzip.compress(x, 6)) for x in contents),
    }
