"""A SavedModel in a folder whose name TensorFlow takes for a pattern."""

import numpy as np
import pytest

from keras_hybrid.export.runtime import open_exported
from keras_hybrid.export.writers import main

tf = pytest.importorskip("tensorflow")
pytest.importorskip("ai_edge_litert")
pytestmark = pytest.mark.backend_independent
NAMES = ["runs [2]", "100% *{0} %s", "what? \\n 'x' \"$HOME\""]


def save(path):
    module = tf.Module()
    module.factor = tf.Variable(3.0)

    @tf.function(input_signature=[tf.TensorSpec((None, 2, 2, 1), name="image")])
    def serve(image):
        return {"logits": module.factor * tf.reduce_sum(image, (1, 2))}

    tf.saved_model.save(module, str(path), signatures=serve)


@pytest.mark.parametrize("name", NAMES)
def test_patterns_in_a_path(name, tmp_path):
    path = tmp_path / name / "saved_model"
    save(path)
    run, shape = open_exported(path)
    assert shape == (2, 2, 1)
    assert np.allclose(run(np.ones((2, 2, 2, 1), "float32"))["logits"], 12)
    target = tmp_path / name / "model.tflite"
    main("keras_hybrid.export.writers:litert", str(path), str(target))
    assert open_exported(target)[1] == (2, 2, 1)
