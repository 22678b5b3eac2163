"""Turns a .keras file into another format; runs as a process of its own.

    KERAS_BACKEND=tensorflow python -m keras_hybrid.export.convert FORMAT SOURCE TARGET

The conversion needs the TensorFlow backend whatever backend trained the model, and
leaks memory; a process that ends takes care of both.
"""

import pathlib
import sys
import tempfile

import keras

from keras_hybrid import layers, models


def saved_model(model: keras.Model, target: pathlib.Path) -> None:
    """Writes a SavedModel with one signature: `image` -> named outputs.

    (Keras' ExportArchive stores every weight twice.)
    """
    import tensorflow as tf

    image = tf.TensorSpec(model.input_shape, "float32", name="image")
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    module.serve = tf.function(
        lambda image: model(image, training=False), input_signature=[image]
    )
    tf.saved_model.save(module, str(target), signatures=module.serve)


def litert(model: keras.Model, target: pathlib.Path, half: bool = False) -> None:
    """Writes a LiteRT file of builtin operations, weights in float32 or float16."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        saved_model(model, pathlib.Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        target.write_bytes(converter.convert())


def with_named_outputs(model: keras.Model) -> keras.Model:
    """The model with `logits` (and `probabilities`) for outputs, or `features`."""
    if "head" not in [layer.name for layer in model.layers]:
        return keras.Model(model.inputs, {"features": model.output})
    outputs = {"logits": models.logits(model).output}
    if model.output is not outputs["logits"]:
        outputs["probabilities"] = model.output
    return keras.Model(model.inputs, outputs)


def main(format: str, source: str, target: str) -> None:
    """Converts one file."""
    model = with_named_outputs(keras.models.load_model(source, compile=False))
    path = pathlib.Path(target)
    with layers.depthwise_form(model, "native"):
        if format == "saved_model":
            saved_model(model, path)
        else:
            litert(model, path, half=format == "litert_float16")


if __name__ == "__main__":
    main(*sys.argv[1:])
