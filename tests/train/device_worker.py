"""Trains on four host devices, in a process of its own, for test_devices.py.

`python device_worker.py '[{fields}, ...]'` prints one JSON object:

- `runs`: of every recipe, run one after another, the mean loss of the epoch so far
  after every step, the card and the error. The field `stop` ends a run before that
  epoch.
- `layers`: every variable of a few layers that were trained on one device, and on
  four; on TensorFlow every replica's copy.
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
if os.environ["KERAS_BACKEND"] == "tensorflow":
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 4,
    )

import keras
import numpy as np

from keras_hybrid.layers import DropPath
from keras_hybrid.layers.factories import batch_norm
from keras_hybrid.train import Recipe, plan, run
from keras_hybrid.train.metrics_logger import MetricsLogger
from keras_hybrid.train.sync_replicas import seed_generators, sync_replicas


class Stopped(Exception):
    """Stands for a kill between two epochs."""


def run_recipes(every: list[dict]) -> list[dict]:
    """The steps, the card and the error of each."""
    answers, stop = [], None
    begin = MetricsLogger.on_epoch_begin

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == stop:
            raise Stopped
        begin(self, epoch, logs)

    def on_train_batch_end(self, batch, logs=None):
        answers[-1]["losses"].append(float(logs["loss"]))

    MetricsLogger.on_epoch_begin = on_epoch_begin
    MetricsLogger.on_train_batch_end = on_train_batch_end
    for fields in every:
        stop = fields.pop("stop", None)
        answers.append({"losses": [], "card": None, "error": None})
        try:
            answers[-1]["card"] = run(Recipe.of(**fields)).card
        except Stopped:
            pass
        except ValueError as error:
            answers[-1]["error"] = str(error)
    return answers


def train_layers(count: int) -> dict[str, list]:
    """Variables of a BatchNorm, of weights trained with clipping, and of generators."""
    rng = np.random.default_rng(0)
    # sorted: every device's part has a mean and a spread of its own
    x = np.sort(rng.normal(1, 2, (16, 3)).astype("float32"), axis=0)
    y = (rng.normal(size=(16, 2)) * np.arange(1, 17)[:, None]).astype("float32")
    devices = plan(Recipe.of(devices=count, batch_size=16))
    with devices.scope():
        keras.utils.set_random_seed(1)
        inputs = keras.Input((3,))
        normed = batch_norm("norm")(keras.layers.Dense(4, name="first")(inputs))
        outputs = keras.layers.Dense(2, name="second")(normed)
        dropped = DropPath(0.5, name="drop")(outputs)
        model = keras.Model(inputs, [outputs, 0 * dropped])
        sgd = keras.optimizers.SGD(0.1, global_clipnorm=0.5)
        model.compile(sgd, ["mse", None], jit_compile=False)
        seed_generators(model, 5, 7)
        with sync_replicas(model, devices.replicas):
            model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0)
    assert model.get_layer("norm").get_config()["synchronized"] is False
    assert sgd.global_clipnorm == 0.5 and "apply" not in vars(sgd)
    return {v.path: copies(v) for v in model.variables}


def copies(variable: keras.Variable) -> list:
    """The value on every replica."""
    values = getattr(variable.value, "values", [variable.value])
    return [np.asarray(value).tolist() for value in values]


if __name__ == "__main__":
    answers = {
        "runs": run_recipes(json.loads(sys.argv[1])),
        "layers": [train_layers(1), train_layers(4)],
    }
    print("\n" + json.dumps(answers))
