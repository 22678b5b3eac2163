"""An export format and a layer from outside the package.

The tests import it as an installed package would be, never by this path.
"""

import gzip

import keras
import onnxruntime

from keras_hybrid.export import Format


@keras.saving.register_keras_serializable("toy_format")
class Double(keras.layers.Layer):
    """Twice its input."""

    def call(self, x):
        return 2 * x


def write(source, path, level):
    path.write_bytes(gzip.compress(source.read_bytes(), level))


def open_gzip(path):
    session = onnxruntime.InferenceSession(gzip.decompress(path.read_bytes()))
    image = session.get_inputs()[0]
    names = [output.name for output in session.get_outputs()]

    def run(images):
        values = session.run(names, {image.name: images.astype("float32")})
        return dict(zip(names, values, strict=True))

    return run, tuple(image.shape[1:])


FORMAT = Format(
    file_name="model.onnx.gz",
    backend="torch",
    needs=("torch", "onnx", "onnxruntime"),
    extra="onnx",
    writer="toy_format:write",
    options={"level": 6},
    opener="toy_format:open_gzip",
    source="onnx",
)
