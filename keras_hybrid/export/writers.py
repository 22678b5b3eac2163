"""Converts a file to another format; runs as a child process.

    KERAS_BACKEND=BACKEND python -m keras_hybrid.export.writers WRITER SOURCE TARGET

Every format is written with one Keras backend, whatever backend trained the model. A
child process has that backend, and frees the memory that converters leak.
"""

import functools
import json
import pathlib
import pkgutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_hybrid import models, ops
from keras_hybrid.export.litert_metadata import add_metadata
from keras_hybrid.export.lower_opset import to_opset_17
from keras_hybrid.export.onnx_versions import IR_VERSIONS, OPSET
from keras_hybrid.export.runtime import plain_path
from keras_hybrid.models.keras_file import load_keras
from keras_hybrid.utils.rejection import KNOWN
from keras_hybrid.utils.typing import Tensor


def saved_model(
    model: keras.Model, target: pathlib.Path, class_names: Sequence[str] = ()
) -> None:
    """Writes a SavedModel that takes `image` as float32 or as uint8.

    The signatures are `serving_default` and `serving_uint8`. `assets/` has a file
    `class_names.txt`, one name per line. (Keras' ExportArchive stores every weight
    twice.)
    """
    import tensorflow as tf

    def serve(dtype: str) -> Any:
        return tf.function(
            lambda image: model(tf.cast(image, "float32"), training=False),
            input_signature=[tf.TensorSpec(model.input_shape, dtype, name="image")],
        )

    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    signatures = {"serving_default": serve("float32"), "serving_uint8": serve("uint8")}
    with tempfile.TemporaryDirectory() as folder:
        if class_names:
            names = pathlib.Path(folder) / "class_names.txt"
            names.write_text("".join(f"{x}\n" for x in class_names), "utf-8")
            module.class_names = tf.saved_model.Asset(str(names))
        tf.saved_model.save(module, str(target), signatures=signatures)


def litert(
    source: pathlib.Path,
    target: pathlib.Path,
    precision: str = "float32",
    calibration: np.ndarray | None = None,
    integers_only: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Writes a LiteRT file of builtin operations from a SavedModel.

    Args:
        source: The SavedModel.
        target: The file.
        precision: `"float32"`; `"float16"` or `"dynamic"` (int8) for the weights
            alone; `"int8"` for dense layers and their inputs.
        calibration: For int8: images `(N, H, W, C)`, which set the ranges.
        integers_only: For int8: whether everything is int8, input and output uint8.
        metadata: Arguments of `add_metadata`; None writes no metadata.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(source), signature_keys=["serving_default"]
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    convert = converter.convert
    if precision == "int8":
        if calibration is None:
            raise ValueError("int8 needs calibration images.")
        converter.representative_dataset = lambda: (
            {"image": image[None].astype("float32")} for image in calibration
        )
        integers = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        if integers_only:
            converter.target_spec.supported_ops = [integers]
            converter.inference_input_type = tf.uint8
            converter.inference_output_type = tf.uint8
        else:
            converter.target_spec.supported_ops.append(integers)
            convert = functools.partial(_with_int8_dense_layers, converter)
    target.write_bytes(convert())
    if metadata:
        add_metadata(target, **metadata)


def _with_int8_dense_layers(converter: Any) -> bytes:
    """Converts with dense layers in int8 and everything else in float32.

    An int8 tensor has one range for all its values. With the range of the patch
    tokens, 8 bits round a class token and attention weights over many tokens to zero,
    and layer norms compute the variance of small tokens wrongly.
    """
    import tensorflow as tf
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    names = {name for name in vars(BuiltinOperator) if not name.startswith("_")}
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=converter.representative_dataset,
        debug_options=tf.lite.experimental.QuantizationDebugOptions(
            denylisted_ops=sorted(names - {"FULLY_CONNECTED"})
        ),
    )
    return debugger.get_nondebug_quantized_model()


def onnx(model: keras.Model, target: pathlib.Path, opset: int = OPSET) -> None:
    """Writes an ONNX file by torch's graph exporter.

    Args:
        model: The model; its batch is dynamic unless its input has a fixed one.
        target: The file.
        opset: Version of the standard operations, a key of `IR_VERSIONS`.
    """
    import torch

    names = sorted(model.output)

    class Exported(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, image: Tensor) -> tuple[Tensor, ...]:
            outputs = self.model(image, training=False)
            return tuple(outputs[name] for name in names)

    batch = model.input_shape[0]
    image = torch.rand(batch or 2, *model.input_shape[1:])
    module = Exported().eval()
    with torch.no_grad():
        module(image)  # an exporter needs a model that was called
        program = torch.onnx.export(
            module,
            (image,),
            dynamo=True,
            input_names=["image"],
            output_names=names,
            dynamic_shapes=None if batch else ({0: "batch"},),
            opset_version=opset,
            verbose=False,
        )
    made = program.model.opset_imports[""]
    lower = (made, opset) == (18, 17)
    if made != opset and not lower:
        raise ValueError(f"torch writes opset {made} for this model, not {opset}.")
    program.model.ir_version = IR_VERSIONS[opset]
    for node in program.model.graph:
        node.metadata_props.clear()  # stack traces, with the paths of this machine
    program.save(str(target), external_data=False)
    if lower:
        import onnx

        file = onnx.load(target)
        to_opset_17(file)
        onnx.save(file, target)


def openvino(source: pathlib.Path, target: pathlib.Path) -> None:
    """Writes an OpenVINO folder, `model.xml` and `model.bin`, from an ONNX file."""
    import openvino as runtime

    converted = runtime.convert_model(str(source))
    runtime.save_model(converted, target / "model.xml", compress_to_fp16=False)


def with_named_outputs(model: keras.Model) -> keras.Model:
    """The model with `logits`, and `probabilities` or `values`, for outputs.

    A model with a `Familiarity` layer has the output `known`, too.
    """
    outputs = {"logits": models.logits(model).output}
    if model.output is not outputs["logits"]:
        outputs[models.output_name(model)] = model.output
    if known := models.known(model):
        outputs[KNOWN] = known.output
    return keras.Model(model.input, outputs)


def main(writer: str, source: str, target: str, options: str = "{}") -> None:
    """Converts one file.

    Args:
        writer: `Format.writer`.
        source: A `.keras` file, which the writer gets as a model, or another file.
        target: The file or folder to write.
        options: Keyword arguments of the writer as JSON; `calibration` is the path of
            a .npy file.
    """
    write = pkgutil.resolve_name(writer)
    origin, path = pathlib.Path(source), pathlib.Path(target)
    chosen = json.loads(options)
    if "calibration" in chosen:
        chosen["calibration"] = np.load(chosen["calibration"])
    if origin.suffix != ".keras":
        with plain_path(origin) as plain:
            write(plain, path, **chosen)
        return
    model = with_named_outputs(load_keras(origin))
    with ops.forms(depthwise_conv="plain"):
        write(model, path, **chosen)


if __name__ == "__main__":
    main(*sys.argv[1:])
