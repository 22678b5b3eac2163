"""A page of a small model, written in this process."""

import keras
import numpy as np
import pytest

from benchmarks.random_weights import randomised
from keras_hybrid import models
from keras_hybrid.export import fold
from keras_hybrid.export.web import runtime_files, write_page
from keras_hybrid.export.web.page_facts import page_facts
from keras_hybrid.export.writers import with_named_outputs

CARD = {
    "class_names": ["ant", "קוף", "قطة", "猫", 'dog, "big"', "नमस्ते", "Ωμέγα"],
    "dataset": "animals",
    "preprocessing": {"fit": "crop", "crop": 0.9, "interpolation": "bicubic"},
}


def small_model():
    keras.utils.set_random_seed(1)
    fields = {"widths": (16, 32, 48), "heads": (1, 2, 3), "depths": (1, 1, 2)}
    model = randomised(models.ATC(classes=7, input_shape=(32, 32, 3), **fields))
    head = model.get_layer("head")
    head.kernel.assign(5 * head.kernel)
    colours = np.random.default_rng(0).uniform(0, 255, (20, 1, 1, 3))
    logits = models.logits(model)(np.tile(colours, (1, 32, 32, 1)).astype("float32"))
    head.bias.assign(head.bias - keras.ops.mean(logits, axis=0))
    return model  # whose answers differ


def facts_of(card, shape, pixels=True):
    reference = {"shape": list(shape), "pixels": pixels}
    return card | {"artefact": {"reference": reference}}


def written_page(folder, model=None, card=CARD):
    """The folder of a page; without the cached runtime it has stand-ins for it."""
    pytest.importorskip("onnxscript")
    model = model or small_model()
    runtime = folder / "stand-ins"
    if runtime_files.cache_folder().is_dir():
        runtime = runtime_files.require_runtime()
    else:
        runtime.mkdir()
        for name in sum(runtime_files.RUNTIMES.values(), ()):
            (runtime / name).write_text(name)
    page = page_facts(facts_of(card, model.input_shape[1:]), model.output_shape[-1])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(write_page, "require_runtime", lambda: runtime)
        write_page.write_page(with_named_outputs(fold(model)), folder / "web", page)
    return folder / "web"
