"""Writes the files that the candidates of a comparison share, in a child process.

    python -m benchmarks.prepare peer CASE FOLDER [OFFICIAL]
    KERAS_BACKEND=BACKEND python -m benchmarks.prepare keras CASE FOLDER

The first command gives the peer random weights that are nowhere 0 or 1. It writes
`weights.npz`, and `reference.npz` with two images, labels and the outputs of the peer.
The second command loads these weights into the Keras model and writes `model.keras`. A
Keras model without a peer gets random weights, and its own outputs are the reference.
"""

import json
import pathlib
import sys

import keras
import numpy as np

from benchmarks import peers
from benchmarks.atc_names import ATC_NAMES
from benchmarks.cases import Case
from benchmarks.random_weights import randomised
from keras_hybrid.export.fold import fold
from keras_hybrid.weights import load_torch, register_name_map


def peer(case: Case, folder: pathlib.Path, official: str | None = None) -> None:
    """Gives a peer random weights and writes its weights and outputs."""
    import torch

    torch.manual_seed(0)
    module = peers.build_peer(case, official)
    images = _images(case)
    x = torch.from_numpy(images).permute(0, 3, 1, 2)
    with torch.no_grad():
        module.eval()(x)  # some modules create their constants in the first call
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point() and not name.endswith("rel_indices"):
                tensor.add_(0.02 * torch.randn_like(tensor))
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
        outputs = module(x).numpy()
    weights = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    np.savez(folder / "weights.npz", **weights)
    outputs = outputs.reshape(len(images), *case.output_shape)
    _save(folder, case, images, outputs)


def keras_model(case: Case, folder: pathlib.Path) -> None:
    """Writes the Keras model with the weights of the peer, plain and folded."""
    model = case.build()
    if case.peer:
        register_name_map(ATC_NAMES)  # those of the other peers are registered
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


def _save(
    folder: pathlib.Path, case: Case, images: np.ndarray, outputs: np.ndarray
) -> None:
    rng = np.random.default_rng(1)
    labels = rng.normal(size=(2, *case.output_shape)).astype("float32")
    if not case.is_layer:
        labels = np.eye(case.output_shape[0], dtype="float32")[[1, 3]]
    np.savez(folder / "reference.npz", images=images, outputs=outputs, labels=labels)


def main(model: str, case: str, folder: str, *official: str) -> None:
    """Prepares the peer or the Keras model; the case is the JSON of its fields."""
    keras.utils.set_random_seed(0)
    prepare = {"peer": peer, "keras": keras_model}[model]
    prepare(Case(**json.loads(case)), pathlib.Path(folder), *official)


if __name__ == "__main__":
    main(*sys.argv[1:])
