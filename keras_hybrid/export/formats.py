"""The formats that a model can be exported to, one row each."""

import dataclasses
import importlib.util


@dataclasses.dataclass(frozen=True)
class Format:
    """How a format is written and compared with Keras.

    Attributes:
        file_name: Name of the file or folder in a run's folder.
        backend: Keras backend of the process that writes it.
        source: The format that it is made from; None for the `.keras` file.
        needs: Packages that write and run it.
        extra: The extra of this package that brings them.
        tolerance: Largest difference of a logit from Keras', as a share of the
            largest logit where `relative`.
        relative: Whether `tolerance` is relative.
    """

    file_name: str
    backend: str
    needs: tuple[str, ...]
    extra: str
    source: str | None = None
    tolerance: float = 1e-5
    relative: bool = False


_LITERT = Format(
    "model.tflite",
    "tensorflow",
    ("tensorflow", "ai_edge_litert"),
    "export",
    source="saved_model",
)


def _small_litert(file_name: str, tolerance: float) -> Format:
    """LiteRT with weights in fewer bits."""
    return dataclasses.replace(
        _LITERT, file_name=file_name, tolerance=tolerance, relative=True
    )


_ONNX = ("torch", "onnx", "onnxscript", "onnxruntime")

FORMATS = {
    "saved_model": Format("saved_model", "tensorflow", ("tensorflow",), "tensorflow"),
    "litert": _LITERT,
    "litert_float16": _small_litert("model_float16.tflite", tolerance=1e-2),
    "litert_dynamic": _small_litert("model_dynamic.tflite", tolerance=0.25),
    "litert_int8": _small_litert("model_int8.tflite", tolerance=0.5),
    "onnx": Format("model.onnx", "torch", _ONNX, "onnx"),
    "openvino": Format(
        "openvino", "torch", (*_ONNX[:3], "openvino"), "openvino", source="onnx"
    ),
}


def require(name: str) -> Format:
    """The format of that name, once the packages that it needs are there.

    Raises:
        ValueError: If there is no such format.
        ImportError: If a package is missing; it names the extra that brings it.
    """
    if name not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, not {name!r}.")
    format = FORMATS[name]
    missing = [x for x in format.needs if importlib.util.find_spec(x) is None]
    if missing:
        raise ImportError(
            f"{name} needs {', '.join(missing)}: "
            f"pip install 'keras_hybrid[{format.extra}]'"
        )
    return format
