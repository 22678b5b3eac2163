"""Exported files in their own runtimes, behind one interface, without Keras.

    python -P runtime.py MODEL IMAGES.npy OUTPUTS.npz [OPENER]

runs a file as a program that has nothing of this package, which is how exports are
checked: on all images, on the first image alone, and the time that one image takes.
"""

import contextlib
import importlib
import os
import pathlib
import pkgutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

# Images (B, H, W, C), in [0, 255] -> outputs by name.
Runner = Callable[[np.ndarray], dict[str, np.ndarray]]
# The runner, and its input (H, W, C).
Opened = tuple[Runner, tuple[int | None, ...]]


def open_exported(path: pathlib.Path, opener: str = "") -> Opened:
    """Opens an exported file or folder.

    Args:
        path: The file or folder.
        opener: `"module:function"` that opens it; without it the name or the content
            shows the format.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If it is no model of a known format, or damaged.
        ImportError: If its runtime is missing.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no model at {path}.")
    if opener:
        return pkgutil.resolve_name(opener)(path)
    path = of_server(path)
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return _open_saved_model(path)
        if (path / "model.xml").is_file():
            return _open_openvino(path / "model.xml")
        if (path / "model.onnx").is_file():  # a page
            return _open_onnx(path / "model.onnx")
        if (path / "recipe.json").is_file():
            if (path / "card.json").is_file():
                raise ValueError(
                    f"{path} holds a complete run, but its model.keras is gone: put it "
                    "back, or repeat the run with --overwrite."
                )
            raise ValueError(
                f"{path} holds a run without its model.keras, which is written at the "
                "end: the command that began the run goes on with it."
            )
        raise ValueError(
            f"{path} holds no model: no model.keras, saved_model.pb, model.xml or "
            "model.onnx."
        )
    openers = {".tflite": _open_litert, ".onnx": _open_onnx, ".xml": _open_openvino}
    if path.suffix not in openers:
        raise ValueError(
            f"{path} is no model file: its name ends in none of .keras, "
            f"{', '.join(openers)}."
        )
    return openers[path.suffix](path)


def of_server(path: pathlib.Path) -> pathlib.Path:
    """The newest version in the folder of a model server; another path as it is."""
    versions = [*path.glob("*/saved_model.pb"), *path.glob("*/*/model.onnx")]
    numbered = [x.parent for x in versions if x.parent.name.isdecimal()]
    return max(numbered, key=lambda x: int(x.name), default=path)


def _open_saved_model(path: pathlib.Path) -> Opened:
    tf = _package("tensorflow", "tensorflow", path)
    try:
        with plain_path(path) as plain:
            model = tf.saved_model.load(str(plain))
        serve = model.signatures["serving_default"]
    except Exception as error:  # TensorFlow raises many kinds for a bad folder
        raise ValueError(f"{path} cannot be loaded: {_first_line(error)}") from error
    (spec,) = serve.structured_input_signature[1].values()
    shape = image_shape(path, spec.shape)

    def run(
        images: np.ndarray, model: Any = model
    ) -> dict[str, np.ndarray]:  # `model` keeps the variables alive
        outputs = serve(**{spec.name: tf.constant(images, spec.dtype)})
        return {name: value.numpy() for name, value in outputs.items()}

    return _of_batches(run, spec.shape), shape


@contextlib.contextmanager
def plain_path(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A path to a SavedModel that TensorFlow can read.

    It takes `[`, `*`, `?` and a backslash in a path for a pattern, and finds nothing.
    A link without them then leads to the folder.
    """
    if not set("[*?\\") & set(str(path)):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = pathlib.Path(folder) / "saved_model"
        link.symlink_to(path.resolve(), target_is_directory=True)
        yield link


def _open_litert(path: pathlib.Path) -> Opened:
    interpreter = litert_interpreter(path)
    try:
        runner = interpreter.get_signature_runner("serving_default")
    except ValueError as error:
        raise ValueError(f"{path} has no signature serving_default.") from error
    ((name, image),) = runner.get_input_details().items()
    details = runner.get_output_details()

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        outputs = runner(**{name: _quantized(images, image)})
        return {key: _dequantized(outputs[key], details[key]) for key in outputs}

    shape = [None if side < 0 else int(side) for side in image["shape_signature"]]
    return _of_batches(run, shape), image_shape(path, shape)


def litert_interpreter(path: pathlib.Path) -> Any:
    """The interpreter of a complete .tflite file."""
    litert = _package("ai_edge_litert.interpreter", "export", path)
    _check_flatbuffer(path)
    try:
        return litert.Interpreter(model_path=str(path), num_threads=os.cpu_count())
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged or no LiteRT file.") from error


def _check_flatbuffer(path: pathlib.Path) -> None:
    """Reads all tables of the file: the interpreter crashes where one is cut off."""
    from ai_edge_litert import schema_py_generated as schema

    try:
        with open(path, "rb") as file:
            if file.read(8)[4:] != b"TFL3":
                raise ValueError("no LiteRT file")
        content = np.memmap(path, "uint8", "r")
        schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    except Exception as error:  # whatever reading past the end of a buffer raises
        raise ValueError(f"{path} is damaged or no LiteRT file.") from error


def _quantized(images: np.ndarray, detail: Mapping[str, Any]) -> np.ndarray:
    if not np.issubdtype(detail["dtype"], np.integer):
        return images.astype("float32")
    scale, zero = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    values = np.round(images.astype("float32") / scale) + zero
    return values.clip(limits.min, limits.max).astype(detail["dtype"])


def _dequantized(values: np.ndarray, detail: Mapping[str, Any]) -> np.ndarray:
    if not np.issubdtype(detail["dtype"], np.integer):
        return values.copy()
    scale, zero = detail["quantization"]
    return (values.astype("float32") - zero) * scale


def _open_onnx(path: pathlib.Path) -> Opened:
    ort = _package("onnxruntime", "onnx", path)
    try:
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common class
        raise ValueError(f"{path} cannot be loaded: {_first_line(error)}") from error
    image, *rest = session.get_inputs()
    shape = [side if isinstance(side, int) else None for side in image.shape]
    names = [output.name for output in session.get_outputs()]

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        outputs = session.run(names, {image.name: images.astype("float32")})
        return dict(zip(names, outputs, strict=True))

    return _of_batches(run, shape), image_shape(path, [] if rest else shape)


def _open_openvino(path: pathlib.Path) -> Opened:
    ov = _package("openvino", "openvino", path)
    # Processors with bfloat16 units would use them
    precise = {"INFERENCE_PRECISION_HINT": "f32"}
    try:
        model = ov.Core().compile_model(str(path), "CPU", precise)
    except Exception as error:  # RuntimeError and its own
        raise ValueError(f"{path} cannot be loaded: {_first_line(error)}") from error
    shape = [
        None if side.is_dynamic else side.get_length()
        for side in model.input(0).partial_shape
    ]
    names = [output.get_any_name() for output in model.outputs]

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        outputs = model(images.astype("float32"))
        return {name: outputs[name].copy() for name in names}

    shape = shape if len(model.inputs) == 1 else []
    return _of_batches(run, shape), image_shape(path, shape)


def _of_batches(run: Runner, shape: Sequence[int | None]) -> Runner:
    """A runner of any number of images, for a file that takes batches of one size."""
    size = shape[0] if len(shape) else None
    if size is None:
        return run

    def run_all(images: np.ndarray) -> dict[str, np.ndarray]:
        missing = -len(images) % size
        padded = np.concatenate([images, np.zeros_like(images[:1]).repeat(missing, 0)])
        parts = [run(padded[i : i + size]) for i in range(0, len(padded), size)]
        return {
            name: np.concatenate([part[name] for part in parts])[: len(images)]
            for name in parts[0]
        }

    return run_all


def _package(name: str, extra: str, path: pathlib.Path) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{path} needs {name.split('.')[0]}: pip install 'keras_hybrid[{extra}]'"
        ) from error


def image_shape(
    path: pathlib.Path, shape: Sequence[int | None] | None
) -> tuple[int | None, ...]:
    """`(H, W, C)` of a model's input; raises ValueError if it takes no images."""
    if shape is None or len(shape) != 4 or shape[-1] is None:
        raise ValueError(f"{path} takes no images: its input is no (B, H, W, C).")
    return tuple(shape[1:])


# Not utils.errors.first_line: this file runs without the package.
def _first_line(error: Exception) -> str:
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__)


def custom_ops(path: pathlib.Path) -> tuple[str, ...]:
    """Operations outside the builtin set of the file's runtime."""
    path = of_server(path)
    if (path / "model.onnx").is_file():
        path = path / "model.onnx"
    if path.suffix == ".tflite":
        from ai_edge_litert import schema_py_generated as schema

        model = schema.Model.GetRootAs(path.read_bytes())
        codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
        custom = schema.BuiltinOperator.CUSTOM
        names = {c.CustomCode().decode() for c in codes if c.BuiltinCode() == custom}
    elif path.suffix == ".onnx":
        import onnx

        nodes = onnx.load(path, load_external_data=False).graph.node
        names = {f"{n.domain}.{n.op_type}" for n in nodes if n.domain}
    elif (path / "model.xml").is_file():
        import openvino

        ops = openvino.Core().read_model(path / "model.xml").get_ops()
        kinds = [op.get_type_info() for op in ops]
        names = {k.name for k in kinds if not k.version_id.startswith("opset")}
    else:  # TensorFlow has one set
        names = set()
    return tuple(sorted(names))


COMPARED = ("logits", "known")
"""The outputs that are compared with Keras; a file need not have the second."""


def in_batches(
    run: Runner, images: np.ndarray, size: int = 16
) -> dict[str, np.ndarray]:
    """The compared outputs of many images, a few at a time."""
    found = [run(images[i : i + size]) for i in range(0, len(images), size)]
    names = [name for name in COMPARED if name in found[0]]
    return {name: np.concatenate([x[name] for x in found]) for name in names}


def main(model: str, images: str, target: str, opener: str = "") -> None:
    """Runs a file and writes its outputs."""
    path = pathlib.Path(model)
    pixels = np.load(images)
    run, _ = open_exported(path, opener)
    times = []
    for _ in range(10):
        began = time.perf_counter()
        run(pixels[:1])
        times.append(time.perf_counter() - began)
    arrays: dict[str, Any] = {
        **in_batches(run, pixels),
        "single": in_batches(run, pixels[:1])["logits"],
        "milliseconds": 1000 * statistics.median(times),
        "custom_ops": np.array(custom_ops(path), dtype=str),
    }
    np.savez(target, **arrays)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
