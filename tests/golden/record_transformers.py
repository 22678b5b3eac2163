"""Records the gradients of ConViT and CeiT: `python tests/golden/record_transformers.py`.

Needs torch; the tests need only what it writes here. The networks of
`convit_micro4.npz` and `ceit_micro.npz` are written out once more as torch formulas
in float64, must answer with the recorded logits, and then give:

- `convit_gradients.npz`: the gradients of `sum(logits * weights)`, some in full and
  the norms of all;
- `ceit_gradients.npz`: the same, and the logits, in training mode (batch norm by the
  statistics of the batch).
"""

import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
FULL = {
    "convit": (
        "cls_token",
        "pos_embed",
        "patch_embed.proj.weight",
        "blocks.0.attn.gating_param",
        "blocks.0.attn.pos_proj.weight",
        "blocks.0.attn.qk.weight",
        "blocks.1.attn.v.weight",
        "blocks.2.attn.proj.weight",
        "blocks.3.attn.qkv.weight",
        "blocks.3.mlp.fc1.bias",
        "norm.weight",
        "head.weight",
    ),
    "ceit": (
        "cls_token",
        "pos_embed",
        "pos_layer_embed",
        "i2t.backbone.conv.weight",
        "i2t.backbone.bn.weight",
        "i2t.proj.bias",
        "blocks.0.attn.qkv.weight",
        "blocks.1.leff.conv1.weight",
        "blocks.1.leff.conv2.weight",
        "blocks.1.leff.bn3.weight",
        "blocks.2.norm2.weight",
        "blocks.2.attn.qkv.bias",
        "lca.attn.qkv.weight",
        "lca.feedforward.fc1.bias",
        "norm.weight",
        "head.weight",
    ),
}


class Weights(dict):
    """A state dict with the few layers that the formulas need."""

    def linear(self, name, x):
        return F.linear(x, self[f"{name}.weight"], self.get(f"{name}.bias"))

    def norm(self, name, x):
        weight, bias = self[f"{name}.weight"], self[f"{name}.bias"]
        return F.layer_norm(x, x.shape[-1:], weight, bias, 1e-6)

    def conv(self, name, x, **arguments):
        return F.conv2d(
            x, self[f"{name}.weight"], self.get(f"{name}.bias"), **arguments
        )

    def batch_norm(self, name, x, training):
        mean, variance = self[f"{name}.running_mean"], self[f"{name}.running_var"]
        return F.batch_norm(
            x,
            mean.detach().clone(),
            variance.detach().clone(),
            self[f"{name}.weight"],
            self[f"{name}.bias"],
            training,
        )


def heads_of(x, heads):
    """(B, N, C) -> (B, heads, N, C / heads)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attention(w, name, query, x, heads):
    """The published layout: one matrix for queries, keys and values."""
    width = x.shape[-1]
    fused, bias = w[f"{name}.qkv.weight"], w.get(f"{name}.qkv.bias")
    parts = []
    for i, source in enumerate((query, x, x)):
        rows = slice(i * width, (i + 1) * width)
        part = F.linear(source, fused[rows], None if bias is None else bias[rows])
        parts.append(heads_of(part, heads))
    q, k, v = parts
    scores = q @ k.transpose(-1, -2) * (width // heads) ** -0.5
    y = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
    return w.linear(f"{name}.proj", y)


def gpsa(w, name, x, heads):
    size, width = x.shape[1:]
    side = math.isqrt(size)
    q, k = (heads_of(part, heads) for part in w.linear(f"{name}.qk", x).chunk(2, -1))
    content = (q @ k.transpose(-1, -2) * (width // heads) ** -0.5).softmax(-1)
    row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    dx = column.flatten()[None, :] - column.flatten()[:, None]
    dy = row.flatten()[None, :] - row.flatten()[:, None]
    offsets = torch.stack([dx, dy, dx**2 + dy**2], -1).to(x.dtype)
    place = w.linear(f"{name}.pos_proj", offsets).permute(2, 0, 1).softmax(-1)
    gate = w[f"{name}.gating_param"].sigmoid()[:, None, None]
    mixed = (1 - gate) * content + gate * place
    v = heads_of(w.linear(f"{name}.v", x), heads)
    return w.linear(f"{name}.proj", (mixed @ v).transpose(1, 2).flatten(2))


def mlp(w, name, x):
    return w.linear(f"{name}.fc2", F.gelu(w.linear(f"{name}.fc1", x)))


def convit(w, x, config, training):
    x = w.conv("patch_embed.proj", x, stride=config["patch_size"])
    x = x.flatten(2).transpose(1, 2) + w["pos_embed"]
    for i in range(config["depth"]):
        block = f"blocks.{i}"
        if i == config["local_up_to_layer"]:
            x = torch.cat([w["cls_token"].expand(len(x), -1, -1), x], 1)
        y = w.norm(f"{block}.norm1", x)
        if i < config["local_up_to_layer"]:
            x = x + gpsa(w, f"{block}.attn", y, config["heads"])
        else:
            x = x + attention(w, f"{block}.attn", y, y, config["heads"])
        x = x + mlp(w, f"{block}.mlp", w.norm(f"{block}.norm2", x))
    return w.linear("head", w.norm("norm", x)[:, 0])


def leff(w, name, x, training):
    patches = x[:, 1:].transpose(1, 2)
    side = math.isqrt(patches.shape[-1])
    y = patches.unflatten(-1, (side, side))
    y = F.gelu(w.batch_norm(f"{name}.bn1", w.conv(f"{name}.conv1", y), training))
    y = w.conv(f"{name}.conv2", y, padding=1, groups=y.shape[1])
    y = F.gelu(w.batch_norm(f"{name}.bn2", y, training))
    y = w.batch_norm(f"{name}.bn3", w.conv(f"{name}.conv3", y), training)
    return torch.cat([x[:, :1], y.flatten(2).transpose(1, 2)], 1)


def ceit(w, x, config, training):
    x = w.conv("i2t.backbone.conv", x, stride=2, padding=3)
    x = w.batch_norm("i2t.backbone.bn", x, training)
    x = w.conv("i2t.proj", F.max_pool2d(x, 3, 2, 1), stride=4)
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([w["cls_token"].expand(len(x), -1, -1), x], 1) + w["pos_embed"]
    tokens = []
    for i in range(config["depth"]):
        block = f"blocks.{i}"
        y = w.norm(f"{block}.norm1", x)
        x = x + attention(w, f"{block}.attn", y, y, config["heads"])
        x = x + leff(w, f"{block}.leff", w.norm(f"{block}.norm2", x), training)
        tokens.append(x[:, 0])
    x = torch.stack(tokens, 1) + w["pos_layer_embed"]
    y = w.norm("lca.norm1", x)
    x = x[:, -1:] + attention(w, "lca.attn", y[:, -1:], y, config["heads"])
    x = x + mlp(w, "lca.feedforward", w.norm("lca.norm2", x))
    return w.linear("head", w.norm("norm", x[:, 0]))


def record(family, source, network, training):
    with np.load(HERE / f"{source}.npz") as file:
        arrays = {key: file[key] for key in file.files}
    config = json.loads(str(arrays["config"]))
    weights = Weights()
    for key, value in arrays.items():
        if key.startswith("sd/") and value.dtype != np.int64:
            tensor = torch.tensor(value, dtype=torch.float64)
            weights[key.removeprefix("sd/")] = tensor.requires_grad_()
    x = torch.tensor(arrays["x"], dtype=torch.float64).permute(0, 3, 1, 2)
    error = np.abs(
        network(weights, x, config, False).detach().numpy() - arrays["logits"]
    )
    assert error.max() < 5e-6, error.max()

    logits = network(weights, x, config, training)
    rng = np.random.RandomState(0)
    cotangent = rng.normal(size=logits.shape).astype("float32")
    (logits * torch.tensor(cotangent)).sum().backward()
    recorded = {"cotangent": cotangent, "logits": logits.detach().numpy()}
    for name, tensor in weights.items():
        if ".running_" in name:
            continue
        gradient = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        recorded[f"norm/{name}"] = gradient.norm().numpy()
        if name in FULL[family]:
            recorded[f"gradient/{name}"] = gradient.numpy()
    path = HERE / f"{family}_gradients.npz"
    recorded = {name: np.float32(value) for name, value in recorded.items()}
    np.savez_compressed(path, **recorded)
    print(f"{path.name}: logits off by {error.max():.1e}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    record("convit", "convit_micro4", convit, training=False)
    record("ceit", "ceit_micro", ceit, training=True)
