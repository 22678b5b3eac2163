"""Writes what the candidates of a comparison share; runs as a process of its own.

    python -m benchmarks.prepare peer CASE FOLDER [OFFICIAL]
    KERAS_BACKEND=BACKEND python -m benchmarks.prepare keras CASE FOLDER

The first gives a peer random weights, nowhere trivial, and leaves `weights.npz` and
`reference.npz`: two images, labels and the peer's answer. The second loads these
weights into our model and leaves `model.keras`; where nobody has the network its
weights are drawn here, and its own answer is the reference.
"""

import json
import pathlib
import sys

import keras
import numpy as np

from benchmarks import peers
from benchmarks.cases import Case
from benchmarks.random_weights import randomised
from keras_hybrid.export.fold import fold
from keras_hybrid.weights import load_torch


def peer(case: Case, folder: pathlib.Path, official: str | None = None) -> None:
    """Draws a peer's weights and asks it for the reference."""
    import torch

    torch.manual_seed(0)
    module = peers.build_peer(case, official)
    images = _images(case)
    x = torch.from_numpy(images).permute(0, 3, 1, 2)
    with torch.no_grad():
        module.eval()(x)  # some make their constants when they are called
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point() and not name.endswith("rel_indices"):
                tensor.add_(0.02 * torch.randn_like(tensor))
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
        answer = module(x).numpy()
    weights = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    np.savez(folder / "weights.npz", **weights)
    answer = answer.reshape(len(images), *case.output_shape)
    _save(folder, case, images, answer)


def ours(case: Case, folder: pathlib.Path) -> None:
    """Our model with the peer's weights, as it was built and folded."""
    model = case.build()
    if case.peer:
        with np.load(folder / "weights.npz") as file:
            load_torch(model, dict(file))
    else:
        model = randomised(model)
        images = _images(case)
        _save(folder, case, images, model.predict_on_batch(images))
    model.save(folder / "model.keras")
    if not case.is_layer:
        fold(model).save(folder / "folded.keras")


def _images(case: Case) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, *case.input_shape)).astype("float32")


def _save(folder, case, images, answer):
    rng = np.random.default_rng(1)
    labels = rng.normal(size=(2, *case.output_shape)).astype("float32")
    if not case.is_layer:
        labels = np.eye(*case.output_shape, dtype="float32")[[1, 3]]
    np.savez(folder / "reference.npz", images=images, answer=answer, labels=labels)


def main(whose: str, case: str, folder: str, *official: str) -> None:
    """Prepares one side; the case comes as the JSON of its fields."""
    keras.utils.set_random_seed(0)
    part = {"peer": peer, "keras": ours}[whose]
    part(Case(**json.loads(case)), pathlib.Path(folder), *official)


if __name__ == "__main__":
    main(*sys.argv[1:])
