"""Records CvT's training-mode answer and gradients from the transformers library.

    pip install "transformers>=5,<6" torch && python tests/golden/record_cvt.py

The weights, the input and the inference-mode logits are those of
`cvt_micro_hf.npz`; what is recorded goes to `cvt_micro_training.npz`: the logits with
batch statistics, the gradient of `sum(logits * direction)` for some tensors whole,
and its norm for all of them.
"""

import json
import pathlib

import numpy as np
import torch
from transformers import CvtConfig, CvtForImageClassification

HERE = pathlib.Path(__file__).parent
WHOLE = (
    "stages.0.embedding.convolution_embeddings.projection.weight",
    "stages.1.layers.0.attention.attention.convolution_projection_key",
    "stages.2.cls_token",
    "stages.2.layers.1.attention.attention.projection_value.weight",
    "stages.2.layers.2.intermediate.dense.weight",
    "classifier.bias",
)


class QuickGELU(torch.nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


def build(golden):
    config = json.loads(str(golden["config"]))
    model = CvtForImageClassification(
        CvtConfig(
            embed_dim=config["widths"],
            num_heads=config["heads"],
            depth=config["depths"],
            num_labels=config["classes"],
            drop_path_rate=[0.0, 0.0, 0.0],
        )
    )
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.GELU) or "GELU" in type(child).__name__:
                setattr(module, name, QuickGELU())
    state = {k[3:]: torch.tensor(golden[k]) for k in golden.files if k[:3] == "sd/"}
    model.load_state_dict(state)
    return model


def main():
    golden = np.load(HERE / "cvt_micro_hf.npz")
    model = build(golden)
    images = torch.tensor(golden["x"]).permute(0, 3, 1, 2)
    model.eval()
    error = np.abs(model(images).logits.detach().numpy() - golden["logits"]).max()
    assert error < 2e-5, f"this is not the recorded network: {error}"

    model.train()
    logits = model(images).logits
    direction = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
    (logits * direction).sum().backward()
    recorded = {"logits": logits.detach().numpy(), "direction": direction.numpy()}
    for name, parameter in model.named_parameters():
        gradient = parameter.grad.numpy()
        recorded[f"norm/{name}"] = np.linalg.norm(gradient)
        if any(part in name for part in WHOLE):
            recorded[f"gradient/{name}"] = gradient
    np.savez_compressed(HERE / "cvt_micro_training.npz", **recorded)


if __name__ == "__main__":
    main()
