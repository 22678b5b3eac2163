"""Records what timm's CoAtNets answer: `python tests/golden/record_coatnet.py`.

Needs torch, timm and torchvision; the tests need only what it writes here:

- `coatnet_gradients.npz`, for the networks of `coatnet_micro.npz` and
  `astroformer_micro.npz`: the loss gradients in inference mode (norms of all, some
  in full) and the logits in training mode;
- `coatnet_rw.npz`: the logits of every RW configuration at micro size, with weights
  that `attention_weights` draws from a seed, so that they need no room here;
- `offset_tables.npz`: relative position tables resized between grids.
"""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
LABELS = (1, 4)
FULL = (
    "stem.conv1.weight",
    "stem.norm1.weight",
    "stages.0.blocks.0.shortcut.expand.weight",
    "stages.0.blocks.0.pre_norm.bias",
    "stages.0.blocks.0.conv2_kxk.weight",
    "stages.0.blocks.0.se.fc1.weight",
    "stages.0.blocks.0.conv3_1x1.weight",
    "stages.3.blocks.0.norm1.norm.weight",
    "stages.3.blocks.0.attn.qkv.weight",
    "stages.3.blocks.1.attn.qkv.bias",
    "stages.3.blocks.1.attn.rel_pos.relative_position_bias_table",
    "head.norm.weight",
    "head.pre_logits.fc.weight",
)
RW = (
    "nano_rw",
    "rmlp_nano_rw",
    "0_rw",
    "bn_0_rw",
    "1_rw",
    "rmlp_1_rw",
    "rmlp_1_rw2",
    "2_rw",
    "rmlp_2_rw",
    "3_rw",
)
MICRO = {
    "depths": (1, 2, 1, 2),
    "widths": (16, 16, 32, 32),
    "stem_widths": (8, 16),
    "head_width": 8,
}
GRIDS = ((7, 12), (12, 7), (7, 4), (2, 7))


def attention_weights(shapes, seed=0):
    """Weights by torch name, none of them trivially 0 or 1."""
    rng = np.random.RandomState(seed)  # its stream is frozen for good
    weights = {}
    for name, shape in sorted(shapes.items()):
        if name.endswith("running_var"):
            value = rng.uniform(0.5, 1.5, shape)
        elif len(shape) > 1:
            spread = 0.5 if "table" in name else np.prod(shape[1:]) ** -0.5
            value = rng.normal(0, spread, shape)
        else:
            one = name.endswith("weight") or name.endswith("gamma")
            value = one + 0.2 * rng.normal(size=shape)
        weights[name] = value.astype("float32")
    return weights


def load_attention_weights(network):
    """Loads them into a torch network; returns the shapes of its tensors by name."""
    import torch

    shapes = {
        k: tuple(v.shape)
        for k, v in network.state_dict().items()
        if not k.endswith("num_batches_tracked")
    }
    weights = {k: torch.tensor(v) for k, v in attention_weights(shapes).items()}
    network.load_state_dict(weights, strict=False)
    return shapes


def images():
    """The normalised images (2, 64, 64, 3) of `coatnet_rw.npz`."""
    return np.random.RandomState(1).normal(size=(2, 64, 64, 3)).astype("float32")


def record_gradients():
    import torch

    out = {}
    for name in ("coatnet_micro", "astroformer_micro"):
        with np.load(HERE / f"{name}.npz") as file:
            golden = {key: file[key] for key in file.files}
        net = _network(json.loads(str(golden["config"])))
        state = {k[3:]: torch.tensor(v) for k, v in golden.items() if k[:3] == "sd/"}
        net.load_state_dict(state)
        x = torch.tensor(golden["x"]).permute(0, 3, 1, 2)
        logits = net.eval()(x)
        assert np.abs(logits.detach().numpy() - golden["logits"]).max() < 1e-6
        torch.nn.functional.cross_entropy(logits, torch.tensor(LABELS)).backward()
        gradients = {k: p.grad.numpy() for k, p in net.named_parameters()}
        norms = {k: float(np.linalg.norm(g)) for k, g in gradients.items()}
        out[f"{name}/norms"] = json.dumps(norms)
        for key in FULL:
            if key in gradients:
                out[f"{name}/gradient/{key}"] = gradients[key]
        out[f"{name}/training"] = net.train()(x).detach().numpy()
        out[f"{name}/running_var"] = net.stem.norm1.running_var.numpy()
    np.savez_compressed(HERE / "coatnet_gradients.npz", **out)


def _network(config):
    from timm.models.maxxvit import MaxxVit, MaxxVitCfg

    cfg = MaxxVitCfg(
        embed_dim=tuple(config["embed_dim"]),
        depths=tuple(config["depths"]),
        block_type=tuple(config["block_type"]),
        stem_width=config["stem_width"],
        head_hidden_size=config["head_hidden_size"],
    )
    return MaxxVit(cfg, tuple(config["image_size"]), num_classes=config["classes"])


def record_rw():
    import timm
    import torch

    x = torch.tensor(images()).permute(0, 3, 1, 2)
    out = {}
    for name in RW:
        net = timm.create_model(
            f"coatnet_{name}_224",
            img_size=64,
            num_classes=7,
            embed_dim=MICRO["widths"],
            depths=MICRO["depths"],
            stem_width=MICRO["stem_widths"],
            transformer_dim_head=MICRO["head_width"],
        ).eval()
        shapes = load_attention_weights(net)
        out[f"{name}/shapes"] = json.dumps(shapes)
        with torch.no_grad():
            out[f"{name}/logits"] = net(x).numpy()
    np.savez_compressed(HERE / "coatnet_rw.npz", **out)


def record_tables():
    import torch
    from timm.layers import resize_rel_pos_bias_table

    out = {}
    for old, new in GRIDS:
        source, target = 2 * old - 1, 2 * new - 1
        table = np.random.RandomState(old).normal(size=(source**2, 3))
        timm = resize_rel_pos_bias_table(
            torch.tensor(table), (new, new), (target**2, 3)
        )  # its knots are float32
        table = table.reshape(source, source, 3)
        for axis in (0, 1):
            table = np.apply_along_axis(resized, axis, table, new)
        assert np.abs(table - timm.numpy().reshape(table.shape)).max() < 2e-6
        out[f"{old}->{new}"] = table
    np.savez_compressed(HERE / "offset_tables.npz", **out)


def resized(values, new):
    """timm's rule for one axis of offsets, in float64."""
    half, low, high = len(values) // 2, 1.01, 1.5
    while high - low > 1e-6:
        q = (low + high) / 2
        low, high = (low, q) if sum(q ** np.arange(half)) > new - 1 else (q, high)
    ahead = np.cumsum(q ** np.arange(half))
    knots = np.concatenate([-ahead[::-1], [0], ahead])
    return np.interp(np.arange(1 - new, new), knots, values)


if __name__ == "__main__":
    record_gradients()
    record_rw()
    record_tables()
