"""Several devices compute what one does; several processes write once.

The number of host devices is fixed when a backend starts, so each test starts its own
processes; what they run is in device_worker.py.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_hybrid.train import Recipe, plan
from keras_hybrid.train.devices import LAYOUT
from tests.small import ATTENTIVE, FAMILIES, small

BACKEND = keras.backend.backend()
WORKER = pathlib.Path(__file__).with_name("device_worker.py")
only = {
    name: pytest.mark.skipif(name != BACKEND, reason=f"of {name}")
    for name in ("jax", "tensorflow", "torch")
}
several = pytest.mark.skipif(BACKEND == "torch", reason="one device on torch")

# No BatchNorm; drop path only on JAX, where it draws what it does on one device.
RECIPE = {
    "dataset": "digits",
    "fraction": 0.06,
    "validation_split": 0.2,
    "model": "convit_tiny",
    "model_options": [
        "patch_size=8",
        "depth=2",
        "gpsa_layers=1",
        "width=16",
        "heads=2",
    ],
    "drop_path_rate": 0.3 if BACKEND == "jax" else 0.0,
    "global_clipnorm": 0.3,
    "mixup": 0.8,
    "ema_momentum": 0.5,
    "epochs": 2,
    "batch_size": 16,
    "warmup_epochs": 1,
    "learning_rate": 3e-3,
}


if BACKEND == "jax":
    OTHERS = {"devices": 4, "model_parallel": 2}
    REFUSED = {
        "finds 4 here": {"devices": 5},
        "--batch-size 18.*divisible by their number, 4": {
            "devices": 4,
            "batch_size": 18,
        },
        "--model-parallel 2 does not divide the 3": {"devices": 3, "model_parallel": 2},
        "--model-parallel 3 does not divide block1_attention_query/kernel": {
            "devices": 3,
            "model_parallel": 3,
        },
    }
else:
    OTHERS = {"devices": 1}
    REFUSED = {
        "finds 4 here": {"devices": 5},
        "--batch-size 18.*divisible by their number, 4": {
            "devices": 4,
            "batch_size": 18,
        },
        "--batch-size must divide by 8": {"devices": 4, "batch_size": 12},
        "--jit-compile on: TensorFlow cannot": {"devices": 2, "jit_compile": "on"},
        "--accumulation: TensorFlow cannot": {
            "devices": 2,
            "gradient_accumulation_steps": 2,
        },
        "--model-parallel works on JAX": {"model_parallel": 2},
    }


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What device_worker.py prints.

    A run on one device; another whose first epoch is computed on four and the second
    on others; and what is refused.
    """
    folder = tmp_path_factory.mktemp("runs")
    broken = {"workdir": str(folder / "broken")}
    every = [
        {"workdir": str(folder / "alone")},
        {"devices": 4, "stop": 1, "cache_on_device": "on"} | broken,
        OTHERS | broken,
        *({"workdir": str(folder / "refused")} | fields for fields in REFUSED.values()),
    ]
    recipes = json.dumps([RECIPE | fields for fields in every])
    answer = subprocess.run(
        [sys.executable, str(WORKER), recipes], capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout.splitlines()[-1]) | {"folder": folder}


@several
def test_four_devices_are_as_one_and_a_run_goes_on_with_others(answers):
    alone, first, second = answers["runs"][:3]
    found = first["losses"] + second["losses"]
    assert len(alone["losses"]) == len(found) == 2 * 4
    np.testing.assert_allclose(found, alone["losses"], rtol=0, atol=1e-5)
    one, two = alone["card"], second["card"]
    for name in ("test_loss", "test_accuracy"):
        assert abs(one["metrics"][name] - two["metrics"][name]) < 2e-5
    assert one["recipe_hash"] == two["recipe_hash"]
    assert one["devices"] == {"devices": 1, "model_parallel": 1, "processes": 1}
    assert two["devices"] == one["devices"] | OTHERS
    lines = (answers["folder"] / "broken/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


@several
def test_batch_norm_clipping_and_draws(answers):
    """Statistics and gradients are the global batch's, on every device."""
    one, four = answers["layers"]
    for (path, values), (expected,) in zip(four.items(), one.values(), strict=True):
        if "seed_generator" in path:
            # one state, or on TensorFlow as many as replicas; three steps from 7 << 20
            assert len({tuple(state) for state in values}) == len(values)
            assert {state[1] - (7 << 20) for state in values} == {3}
            continue
        assert BACKEND == "jax" or len(values) == 4
        for value in values:
            np.testing.assert_allclose(value, expected, 1e-5, 1e-6, err_msg=path)


@several
def test_what_cannot_be_is_said(answers):
    for message, answer in zip(REFUSED, answers["runs"][3:], strict=True):
        assert re.search(message, str(answer["error"])), answer
    assert not (answers["folder"] / "refused").exists()


@only["torch"]
def test_torch_has_one_device():
    with pytest.raises(ValueError, match="--devices 2: PyTorch trains on one device"):
        plan(Recipe.of(devices=2))
    assert plan(Recipe.of(devices="all")).replicas == 1


@only["jax"]
@pytest.mark.parametrize("family", ATTENTIVE)
@pytest.mark.usefixtures("quick_start")
def test_layout_splits_attention_and_mlps(family):
    model = small(FAMILIES[family])
    split = []
    for variable in model.trainable_variables:
        axes = [
            axes for key, axes in LAYOUT.items() if re.fullmatch(key, variable.path)
        ]
        assert len(axes) <= 1, variable.path
        assert not axes or len(axes[0]) == len(variable.shape), variable.path
        split += [variable.path] * len(axes)
    attentions = [p for p in split if "attention" in p]
    assert attentions
    assert len(split) > len(attentions) or family == "ResNet9"  # it has no MLP


@only["jax"]
def test_two_processes_train_and_save_once(answers, tmp_path):
    alone = answers["runs"][0]
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "keras_hybrid", "train"]
    command += ["--workdir", str(tmp_path / "run"), "--devices", "all"]
    for name, value in RECIPE.items():
        values = value if isinstance(value, list) else [value]
        command += [f"--{name.replace('_', '-')}", *map(str, values)]
    processes = [
        subprocess.Popen(
            command,
            env=os.environ
            | {
                "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
                "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
                "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
                "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    try:
        printed = [process.communicate(timeout=900) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (_, errors) in zip(processes, printed, strict=True):
        assert process.returncode == 0, errors
    told = [out.count("Epoch 1/2") + out.count("Written to") for out, _ in printed]
    assert told == [2, 0]

    epochs = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    found = [json.loads(line)["loss"] for line in epochs]
    np.testing.assert_allclose(found, alone["losses"][3::4], rtol=0, atol=1e-5)
    card = json.loads((tmp_path / "run/card.json").read_text())
    assert card["devices"] == {"devices": 4, "model_parallel": 1, "processes": 2}
    loss = alone["card"]["metrics"]["test_loss"]
    assert abs(card["metrics"]["test_loss"] - loss) < 2e-5
    assert keras.models.load_model(tmp_path / "run/model.keras").built
