"""Checks a model and its preprocessing on ten images: python selftest.py [FILE ...]

It needs numpy, pillow and the runtime of the file. `preprocess` is what a program has
to do with an image; put your own in its place to check it.
"""

import json
import pathlib
import sys
from collections.abc import Callable

import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parent
GOLDEN = json.loads((FOLDER / "golden.json").read_text())
Run = Callable[[np.ndarray], np.ndarray]  # from an input to its logits


def preprocess(image: Image.Image) -> np.ndarray:
    """An RGB image as the input (1, H, W, C)."""
    height, width, channels = (
        GOLDEN["input"][x] for x in ("height", "width", "channels")
    )
    rule, (w, h) = GOLDEN["preprocessing"], image.size
    image = image.convert("RGB" if channels == 3 else "L")
    filter = Image.Resampling[rule["interpolation"].upper()]
    if rule["fit"] == "crop":
        left = (w - rule["crop"] * min(w, h * width / height)) / 2
        top = (h - rule["crop"] * min(h, w * height / width)) / 2
        image = image.resize((width, h), filter, (left, 0, w - left, h))
        image = image.resize((width, height), filter, (0, top, width, h - top))
    elif rule["fit"] == "stretch":  # width first: the order matters for the rounding
        image = image.resize((width, h), filter).resize((width, height), filter)
    else:  # pad
        scale = min(width / w, height / h)
        inner = [max(1, int(side * scale + 0.5)) for side in (w, h)]
        black = Image.new(image.mode, (width, height))
        corner = (width - inner[0]) // 2, (height - inner[1]) // 2
        image = image.resize((inner[0], h), filter).resize(inner, filter)
        black.paste(image, corner)
        image = black
    pixels = np.asarray(image, "float32").reshape(1, height, width, channels)
    mean, std = (np.array(GOLDEN["input"][x], "float32") for x in ("mean", "std"))
    return (pixels - mean) / std


def open_onnx(path: pathlib.Path) -> Run:
    """ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    return lambda image: session.run(["logits"], {"image": image})[0]


def open_litert(path: pathlib.Path) -> Run:
    """LiteRT; files of integers take and give integers."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(path)).get_signature_runner("serving_default")
    image, logits = (
        runner.get_input_details()["image"],
        runner.get_output_details()["logits"],
    )

    def run(x: np.ndarray) -> np.ndarray:
        if image["dtype"] != np.float32:
            scale, zero = image["quantization"]
            limits = np.iinfo(image["dtype"])
            x = (np.round(x / scale) + zero).clip(limits.min, limits.max)
        y = runner(image=x.astype(image["dtype"]))["logits"]
        scale, zero = logits["quantization"]
        return (y.astype("float32") - zero) * scale if scale else y

    return run


def open_openvino(path: pathlib.Path) -> Run:
    """OpenVINO, in full precision."""
    import openvino

    precise = {"INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(str(path / "model.xml"), "CPU", precise)
    return lambda image: model(image)["logits"]


def open_saved_model(path: pathlib.Path) -> Run:
    """TensorFlow."""
    import tensorflow as tf

    if set("[*?\\") & set(str(path)):  # TensorFlow takes them for a pattern
        sys.exit(f"TensorFlow finds nothing in {path}: rename folders with [, * or ?.")
    model = tf.saved_model.load(str(path))
    serve = model.signatures["serving_default"]

    def run(image: np.ndarray, model: object = model) -> np.ndarray:  # keep variables
        return serve(image=tf.constant(image))["logits"].numpy()

    return run


OPENERS = {
    ".onnx": open_onnx,
    ".tflite": open_litert,
    "openvino": open_openvino,
    "saved_model": open_saved_model,
    "web": lambda path: open_onnx(path / "model.onnx"),
    "serving": lambda path: open_saved_model(
        next(path.glob("*/saved_model.pb")).parent
    ),
    "triton": lambda path: open_onnx(next(path.glob("*/*/model.onnx"))),
}


def kind(name: str) -> str:
    """What `OPENERS` knows a file by."""
    return pathlib.Path(name).suffix or name


def passed(name: str) -> int:
    """How many images have the expected logits."""
    expected = GOLDEN["expected"][name]
    run, count = OPENERS[kind(name)](FOLDER.parent / name), 0
    batch = expected.get("batch") or 1
    for image, logits in zip(GOLDEN["images"], expected["logits"], strict=True):
        with Image.open(FOLDER / image["file"]) as file:
            found = run(preprocess(file.convert("RGB")).repeat(batch, 0))[0]
        difference = np.abs(found - logits).max()
        count += bool(difference <= expected["tolerance"])
        print(f"{name} {image['file']}: logits differ by {difference:.1e}")
    print(f"{name}: {count} of {len(GOLDEN['images'])} images pass")
    return count


if __name__ == "__main__":
    names = sys.argv[1:] or [x for x in GOLDEN["expected"] if kind(x) in OPENERS]
    sys.exit(0 if all(passed(name) == len(GOLDEN["images"]) for name in names) else 1)
