"""Records what timm and transformers make of a photo.

    python -m tests.golden.record_published

Needs torch, timm, torchvision and transformers; the tests need only `published.npz`,
which it writes. It holds a JPEG and, for one network of each published layout at micro
size: the shapes of its tensors (`attention_weights` of `record_coatnet` draws their
values from a seed), its logits for the pixels that `read_image` makes of the photo, and
its logits with the library's own resize.
"""

import importlib
import io
import json
import pathlib

import numpy as np
import timm  # before Keras
import torch
from PIL import Image
from transformers import ConvNextImageProcessor, CvtConfig, CvtForImageClassification

from tests.golden.record_coatnet import MICRO, load_attention_weights

HERE = pathlib.Path(__file__).parent
CVT = {"embed_dim": [16, 24, 48], "num_heads": [1, 3, 6], "depth": [1, 2, 3]}


def photo(width=501, height=377):
    """A JPEG with detail at every scale, the less the finer, as photos have it."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width].astype("float32") / width
    pixels = np.full((height, width, 3), 127.5)
    for octave in range(8):
        across, down = rng.uniform(-1, 1, (2, 4, 3)) * 2 * np.pi * 2**octave
        waves = np.sin(x[..., None, None] * across + y[..., None, None] * down)
        pixels += waves.sum(2) * 40 / 2**octave
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(file, "JPEG", quality=85)
    return file.getvalue()


def of_timm(name, **fields):
    """(network, its own preparation of an image)"""
    network = timm.create_model(name, **fields).eval()
    settings = timm.data.resolve_data_config({}, model=network)
    return network, timm.data.create_transform(**settings, is_training=False)


def of_transformers():
    network = CvtForImageClassification(CvtConfig(num_labels=1000, **CVT)).eval()
    processor = ConvNextImageProcessor(
        size={"shortest_edge": 224},
        crop_pct=0.875,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )

    def prepare(image):
        return processor(image, return_tensors="pt")["pixel_values"][0]

    return network, prepare


def networks():
    yield (
        "timm/convit_tiny.fb_in1k",
        *of_timm("convit_tiny.fb_in1k", embed_dim=8, depth=3, local_up_to_layer=2),
    )
    yield (
        "timm/coatnet_0_rw_224.sw_in1k",
        *of_timm(
            "coatnet_0_rw_224.sw_in1k",
            embed_dim=MICRO["widths"],
            depths=MICRO["depths"],
            stem_width=MICRO["stem_widths"],
            transformer_dim_head=MICRO["head_width"],
        ),
    )
    yield "microsoft/cvt-13", *of_transformers()


def main():
    content = photo()
    path = HERE / "photo.jpg"
    path.write_bytes(content)
    data = importlib.import_module("keras_hybrid.data")
    published = importlib.import_module("keras_hybrid.weights").published
    out = {"photo": np.frombuffer(content, "uint8")}
    for name, network, prepare in networks():
        facts = published(name).preprocessing
        shapes = load_attention_weights(network)
        settings = {"crop": facts.crop, "interpolation": facts.interpolation}
        pixels = data.read_image(path, (224, 224, 3), settings)
        mean, std = (torch.tensor(x) for x in (facts.mean, facts.std))
        ours = ((torch.tensor(pixels) / 255 - mean) / std).permute(2, 0, 1)
        theirs = prepare(Image.open(path))
        difference = ((ours - theirs).permute(1, 2, 0) * std * 255).abs()
        out[f"{name}/shapes"] = json.dumps(shapes)
        with torch.no_grad():
            for key, image in (("logits", ours), ("own", theirs)):
                logits = network(image[None])
                out[f"{name}/{key}"] = getattr(logits, "logits", logits)[0].numpy()
        shift = np.abs(out[f"{name}/logits"] - out[f"{name}/own"]).max()
        print(
            f"{name}: pixels differ by {difference.mean():.2f} of 255 in the mean, "
            f"{difference.max():.0f} at most; logits by {shift:.3f}, "
            f"their spread is {out[f'{name}/logits'].std():.2f}"
        )
    path.unlink()
    np.savez_compressed(HERE / "published.npz", **out)


if __name__ == "__main__":
    main()
