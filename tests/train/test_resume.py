"""A run that is killed ends as one that was left alone; a full disk spoils nothing."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from keras_hybrid.train.fit import fit
from keras_hybrid.utils.files import write_atomically
from tests.train.tiny import images, network, recipe

BACKEND = keras.backend.backend()
# XLA on one CPU is exact; TensorFlow's threads may sum in another order.
TOLERANCE = {"jax": 0, "tensorflow": 1e-4}
RUN = [
    *("train", "--dataset", "digits", "--model", "atc3", "--fraction", "0.3"),
    *(
        "--model-options",
        "widths=8,16,16",
        "heads=1,1,1",
        "depths=1,1,2",
        "strides=4,2,2",
    ),
    *("--drop-path-rate", "0.3", "--dropout-rate", "0.2", "--warmup-epochs", "1"),
    *("--batch-size", "16", "--ema-momentum", "0.9", "--repeated-augmentation", "2"),
    *("--mixup", "0.8", "--cutmix", "1", "--rand-augment", "9", "--rotation", "90"),
    *("--random-erasing", "0.25"),
]


def start(workdir, *more):
    command = [sys.executable, "-m", "keras_hybrid", *RUN, "--workdir", str(workdir)]
    return subprocess.Popen(
        [*command, *more],
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finish(process):
    output, _ = process.communicate()
    assert process.returncode == 0, output.decode()
    return output


def kill(process, number=signal.SIGKILL):
    process.send_signal(number)
    process.communicate()


def wait_for_epoch(process, workdir, epoch):
    """Until so many epochs are in the log."""
    log = workdir / "metrics.jsonl"
    while not log.exists() or len(log.read_text().splitlines()) < epoch:
        assert process.poll() is None, process.stdout.read().decode()
        time.sleep(0.005)


def assert_equal_runs(one, other, epochs, tolerance):
    models = [keras.models.load_model(d / "model.keras") for d in (one, other)]
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)
    lines = (other / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [*range(1, epochs + 1)]


@pytest.mark.skipif(BACKEND == "torch", reason="same code as the other two, slower")
def test_killed_twice(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finish(start(whole, "--epochs", "4"))
    for epoch in (1, 2):
        process = start(broken, "--epochs", "4")
        wait_for_epoch(process, broken, epoch)
        time.sleep(0.03)  # into the next epoch
        kill(process)
        assert not (broken / "card.json").exists()
    assert b"Going on after epoch" in finish(start(broken, "--epochs", "4"))
    assert_equal_runs(whole, broken, 4, TOLERANCE[BACKEND])


@pytest.mark.slow
@pytest.mark.skipif(BACKEND == "torch", reason="same code as the other two, slower")
def test_killed_at_thirty_random_moments(tmp_path):
    """By SIGKILL and SIGTERM in turns, with averaged weights and bfloat16.

    One in five hits the start of a run.
    """
    rng = np.random.default_rng(int(time.time()))
    epochs = 60
    more = (
        *("--epochs", str(epochs), "--precision", "mixed_bfloat16"),
        *("--gradient-accumulation-steps", "2"),
    )
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finish(start(whole, *more))
    epoch = 0
    for number in range(30):
        process = start(broken, *more)
        if number % 5 == 0:
            time.sleep(rng.uniform(0, 10))
        else:
            wait_for_epoch(process, broken, epoch + 1)
            time.sleep(rng.uniform(0, 0.5))
        kill(process, (signal.SIGKILL, signal.SIGTERM)[number % 2])
        assert not (broken / "card.json").exists(), f"it ended before kill {number}"
        epoch = assert_readable(broken, epoch)
    finish(start(broken, *more))
    # bfloat16 turns TensorFlow's last bits into steps of a weight's 256th part
    loose = {"jax": 0, "tensorflow": 0.05}
    assert_equal_runs(whole, broken, epochs, loose[BACKEND])


def assert_readable(workdir, former):
    """Every file is whole; the finished epochs, none of which was lost."""
    if not (workdir / "recipe.json").exists():
        return former
    json.loads((workdir / "recipe.json").read_text())
    checkpoint = workdir / "checkpoint.npz"
    if not checkpoint.exists():
        assert former == 0
        return 0
    with np.load(checkpoint) as file:
        epoch = int(file["epoch"])
        assert all(np.isfinite(file[name]).all() for name in file.files)
    lines = (workdir / "metrics.jsonl").read_text().splitlines()[:epoch]
    assert [json.loads(line)["epoch"] for line in lines] == [*range(1, epoch + 1)]
    assert epoch >= former
    return epoch


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes, where one may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system may be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk, free):
    """Leaves so many bytes free."""
    room = os.statvfs(disk)
    with open(disk / "filler", "ab") as file:
        file.write(b"x" * (room.f_bavail * room.f_frsize - free))


def test_a_full_disk_ends_a_run_that_then_goes_on(small_disk, tmp_path):
    settings, data = recipe(epochs=3, ema_momentum=0.9, mixup=1.0), images(size=64)
    whole, broken = network(size=64), network(size=64)
    fit(settings, tmp_path, whole, data, None)
    size = (tmp_path / "checkpoint.npz").stat().st_size
    fill(small_disk, size + size // 2)  # enough for one, not for its successor
    checkpoint = small_disk / "checkpoint.npz"
    with pytest.raises(OSError, match=r"No space left to write .*checkpoint.npz; what"):
        fit(settings, small_disk, broken, data, None)
    with np.load(checkpoint) as file:
        assert int(file["epoch"]) == 1
    fill(small_disk, 10_000)
    with pytest.raises(OSError, match=r"No space left to write .*model.keras"):
        write_atomically(small_disk / "model.keras", whole.save)
    left = {"checkpoint.npz", "metrics.jsonl", "filler"}
    assert {path.name for path in small_disk.iterdir()} == left

    (small_disk / "filler").unlink()
    fit(settings, small_disk, broken, data, None)
    for a, b in zip(whole.get_weights(), broken.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
    assert len((small_disk / "metrics.jsonl").read_text().splitlines()) == 3


def test_a_file_that_may_not_grow_is_named(tmp_path):
    """The same through the limit of a process, where nothing can be mounted."""
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(b"good")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match=r"No space left to write .*checkpoint.npz"):
            write_atomically(path, lambda part: np.savez(part, x=np.ones(5000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"good" and len(list(tmp_path.iterdir())) == 1
