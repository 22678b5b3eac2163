"""A SavedModel as TensorFlow Serving reads it: a version folder with warm-up requests.

https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

import pathlib
import shutil
from collections.abc import Iterator

import numpy as np

from keras_hybrid.export.runtime import plain_path
from keras_hybrid.export.servers.wire import field

WARM_UP = "assets.extra/tf_serving_warmup_requests"
"""Where a server looks for requests to send itself before it answers others."""


def tf_serving(source: pathlib.Path, target: pathlib.Path, version: int = 1) -> None:
    """Writes the folder `target/version`.

    Args:
        source: A SavedModel.
        target: The folder, which is the server's `--model_base_path`.
        version: A server serves the largest number.
    """
    import tensorflow as tf

    place = target / str(version)
    shutil.copytree(source, place)
    requests = place / WARM_UP
    requests.parent.mkdir()
    with (
        plain_path(requests.parent) as folder,
        tf.io.TFRecordWriter(str(folder / requests.name)) as file,
    ):
        for log in warm_up_requests(source):
            file.write(log)


def warm_up_requests(saved_model: pathlib.Path) -> Iterator[bytes]:
    """One serialized `PredictionLog` per signature, with a batch of blank images.

    Field numbers are those of TensorFlow Serving's `prediction_log.proto`,
    `predict.proto` and `model.proto`; its package would bring them, but needs another
    TensorFlow than this one.
    """
    import tensorflow as tf

    with plain_path(saved_model) as plain:
        signatures = tf.saved_model.load(str(plain)).signatures
    for name, function in signatures.items():
        (spec,) = function.structured_input_signature[1].values()
        batch, *sides = spec.shape
        blank = np.zeros((batch or 1, *(x or 224 for x in sides)), "uint8")
        tensor = tf.make_tensor_proto(blank, spec.dtype).SerializeToString()
        entry = field(1, spec.name.encode()) + field(2, tensor)  # of the map `inputs`
        model_spec = field(3, name.encode())  # its signature_name
        request = field(1, model_spec) + field(2, entry)
        predict_log = field(1, request)
        yield field(6, predict_log)
