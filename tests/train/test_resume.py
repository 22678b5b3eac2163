"""A run that is killed twice ends as one that was left alone."""

import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

BACKEND = keras.backend.backend()
# XLA on one CPU is exact; TensorFlow's threads may sum in another order.
TOLERANCE = {"jax": 0, "tensorflow": 1e-4}
RUN = [
    *("train", "--dataset", "digits", "--model", "atc3", "--fraction", "0.3"),
    *("--options", "widths=8,16,16", "heads=1,1,1", "depths=1,1,3", "strides=4,2,2"),
    *("--drop-path-rate", "0.3", "--dropout-rate", "0.2", "--epochs", "4"),
    *("--batch-size", "16", "--warmup-epochs", "1"),
]


def start(workdir):
    command = [sys.executable, "-m", "keras_hybrid", *RUN, "--workdir", str(workdir)]
    return subprocess.Popen(
        command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def wait_for_epoch(process, workdir, epoch):
    """Until so many epochs are in the journal and the next one has begun."""
    journal = workdir / "metrics.jsonl"
    while not journal.exists() or len(journal.read_text().splitlines()) < epoch:
        assert process.poll() is None, process.stdout.read().decode()
        time.sleep(0.005)
    time.sleep(0.03)


@pytest.mark.skipif(BACKEND == "torch", reason="same code as the other two, slower")
def test_killed_twice(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    process = start(whole)
    output, _ = process.communicate()
    assert process.returncode == 0, output.decode()

    for epoch in (1, 2):
        process = start(broken)
        wait_for_epoch(process, broken, epoch)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (broken / "card.json").exists()
    process = start(broken)
    output, _ = process.communicate()
    assert process.returncode == 0, output.decode()
    assert b"Going on after epoch" in output

    models = [keras.models.load_model(d / "model.keras") for d in (whole, broken)]
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE[BACKEND])
    lines = (broken / "metrics.jsonl").read_text().splitlines()
    assert [f'"epoch": {n}' in line for n, line in enumerate(lines, 1)] == [True] * 4
