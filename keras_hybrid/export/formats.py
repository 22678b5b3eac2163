"""The formats that a model can be exported to, and the function that adds one."""

import dataclasses
import pkgutil
from typing import Any

from keras_hybrid.utils import optional
from keras_hybrid.utils.plugins import installed, load_plugin

ENTRY_POINTS = "keras_hybrid.export_formats"
"""Entry point group: a package declares `NAME = "module:format"` in it."""


@dataclasses.dataclass(frozen=True)
class Format:
    """How a format is written, opened, and compared with Keras.

    `writer` and `opener` are names, `"module:function"`, because each is called in a
    child process; the module must be importable there.

    Attributes:
        file_name: Name of the file or folder in a run's folder.
        backend: Keras backend of the process that writes it.
        needs: Packages that write and run it.
        extra: The extra of this package that brings them; empty if none does.
        writer: `write(model, path, **options)`. The Keras model has the outputs
            `logits` and, unless it ends in them, `probabilities` or, for numbers in
            their unit, `values`; with a rule for unknown images also `known`. With
            `source` the first argument is the path of that format's file instead.
        options: Keyword arguments of the writer.
        opener: `open(path)` returns a function from images `(B, H, W, C)` to outputs by
            name, and the input shape `(H, W, C)`. Empty for the formats that
            `open_exported` knows by their names.
        source: The format that it is made from; None for the Keras model.
        ready: `ready()`, `"module:function"`, raises OSError or ValueError if what the
            writer needs beyond packages is missing; empty if it needs nothing.
        tolerance: Largest difference of a logit from Keras', as a share of the
            largest logit where `relative`.
        relative: Whether `tolerance` is relative.
    """

    file_name: str
    backend: str
    needs: tuple[str, ...]
    extra: str
    writer: str
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    opener: str = ""
    source: str | None = None
    ready: str = ""
    tolerance: float = 1e-5
    relative: bool = False


_ONNX = ("torch", "onnx", "onnxscript", "onnxruntime")
_WRITERS = "keras_hybrid.export.writers"
_WEB = "keras_hybrid.export.web"
_SERVERS = "keras_hybrid.export.servers"
LITERT_WRITER = f"{_WRITERS}:litert"
_LITERT = Format(
    "model.tflite",
    "tensorflow",
    ("tensorflow", "ai_edge_litert"),
    "export",
    LITERT_WRITER,
    source="saved_model",
)


def _small_litert(precision: str, tolerance: float) -> Format:
    """LiteRT with weights in fewer bits."""
    return dataclasses.replace(
        _LITERT,
        file_name=f"model_{precision}.tflite",
        options={"precision": precision},
        tolerance=tolerance,
        relative=True,
    )


FORMATS = {
    "saved_model": Format(
        "saved_model",
        "tensorflow",
        ("tensorflow",),
        "tensorflow",
        f"{_WRITERS}:saved_model",
    ),
    "litert": _LITERT,
    "litert_float16": _small_litert("float16", tolerance=1e-2),
    "litert_dynamic": _small_litert("dynamic", tolerance=0.25),
    "litert_int8": _small_litert("int8", tolerance=0.5),
    "onnx": Format("model.onnx", "torch", _ONNX, "onnx", f"{_WRITERS}:onnx"),
    "openvino": Format(
        "openvino",
        "torch",
        (*_ONNX[:3], "openvino"),
        "openvino",
        f"{_WRITERS}:openvino",
        source="onnx",
    ),
    "web": Format(
        "web",
        "torch",
        _ONNX,
        "onnx",
        f"{_WEB}.write_page:write_page",
        ready=f"{_WEB}.runtime_files:require_runtime",
    ),
    "serving": Format(
        "serving",
        "tensorflow",
        ("tensorflow",),
        "tensorflow",
        f"{_SERVERS}.tf_serving:tf_serving",
        source="saved_model",
    ),
    "triton": Format(
        "triton",
        "torch",
        _ONNX,
        "onnx",
        f"{_SERVERS}.triton:triton",
        source="onnx",
    ),
}
SERVERS = ("serving", "triton")
"""The formats that are folders of a model server, with a number of their version."""


def register_format(name: str, format: Format) -> None:
    """Adds a format, for `export` in this process.

    A package that is installed beside this one can declare the `Format` as an entry
    point of the group `keras_hybrid.export_formats` instead; then the commands know it,
    too.

    Raises:
        ValueError: If the name is taken, or the format has no opener.
    """
    if name in FORMATS:
        raise ValueError(f"The format name {name!r} is taken; choose another.")
    if not format.opener:
        raise ValueError(f"The format {name!r} has no opener to compare it with Keras.")
    FORMATS[name] = format


def get_format(name: str) -> Format:
    """The format of that name.

    Raises:
        ValueError: If there is no such format; the message lists the known names.
    """
    if name not in FORMATS:
        found = load_plugin(ENTRY_POINTS, name)
        if found is None:
            known = ", ".join([*FORMATS, *installed(ENTRY_POINTS)])
            raise ValueError(f"format must be one of {known}, not {name!r}.")
        register_format(name, found)
    return FORMATS[name]


def require(name: str) -> Format:
    """The format of that name, once what it needs is there.

    Raises:
        ValueError: If there is no such format.
        OSError: If a file is missing; the message says how to get it.
        ImportError: If a package is missing; it names the extra that brings it.
    """
    format = get_format(name)
    if format.needs:
        optional.require(*format.needs, extra=format.extra, what=name)
    if format.ready:
        pkgutil.resolve_name(format.ready)()
    return format
