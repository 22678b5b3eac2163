"""What a torch library answers with weights that we wrote; run as a program.

`python torch_answers.py CODE FOLDER`: reads `weights.safetensors` and `images.npy`,
normalized and channels last, and writes `logits.npy`.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import load_file


def network(code, fields):
    if code == "timm":
        import timm

        return timm.create_model(fields.pop("name"), **fields)
    from transformers import CvtConfig, CvtForImageClassification

    return CvtForImageClassification(CvtConfig(**fields))


def main(code, folder):
    folder = pathlib.Path(folder)
    model = network(code, json.loads((folder / "fields.json").read_text()))
    model.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
    images = torch.tensor(np.load(folder / "images.npy")).permute(0, 3, 1, 2)
    with torch.no_grad():
        logits = model.eval()(images)
    np.save(folder / "logits.npy", getattr(logits, "logits", logits).numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
