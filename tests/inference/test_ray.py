"""Predictions on a cluster of two workers, one of which is killed."""

import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid

import numpy as np
import pytest

import keras_hybrid
from tests.inference.conftest import save_images

pytest.importorskip("ray")
parquet = pytest.importorskip("pyarrow.parquet")
pytestmark = [pytest.mark.backend_independent, pytest.mark.slow]
IMAGES = 400
PROCESS = b"ray::MapWorker(MapBatches(PartPredictor))"


def workers(token):
    """Ids of the processes of workers that have the token in their environment."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            named = (process / "cmdline").read_bytes().startswith(PROCESS)
            if named and token in (process / "environ").read_bytes():
                yield int(process.name)
        except OSError:  # it has ended
            continue


def wait(condition, process, seconds=300):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert process.poll() is None and time.monotonic() < end, process.poll()
        time.sleep(0.01)
    return found


def test_a_killed_worker_loses_nothing(trained, tmp_path):
    pixels = save_images(tmp_path / "photos", IMAGES)
    (tmp_path / "photos/bad.png").write_text("no image")
    out, token = tmp_path / "found", uuid.uuid4().hex
    command = [sys.executable, "-m", "keras_hybrid", "predict", trained]
    command += [tmp_path / "photos", "--ray", "--workers", "2", "--out", out]
    process = subprocess.Popen(
        [*map(str, command), "--shard-size", "1"],
        env=os.environ | {"KERAS_HYBRID_TEST": token},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait(lambda: len(list(out.glob("*.parquet"))) > 2, process)
    first = wait(lambda: set(workers(token.encode())), process)
    os.kill(min(first), signal.SIGKILL)
    assert len(list(out.glob("*.parquet"))) < IMAGES
    printed, errors = process.communicate()
    assert process.returncode == 1, errors
    assert errors.splitlines()[-1] == f"error: 1 of {IMAGES + 1} files cannot be read."
    assert f"{out}: {IMAGES + 1} images in {IMAGES + 1} Parquet files\n" in printed
    rows = {row["file"]: row for row in parquet.read_table(out).to_pylist()}
    assert len(rows) == IMAGES + 1
    assert "cannot be read" in rows.pop(str(tmp_path / "photos/bad.png"))["error"]
    expected = keras_hybrid.load(trained).predict(pixels)
    for i, (name, best) in enumerate(
        zip(expected.names, expected.probabilities.max(-1), strict=True)
    ):
        row = rows[str(tmp_path / f"photos/{i}.png")]
        assert row["class"] == name and row["error"] is None
        np.testing.assert_allclose(row["probability"], best, rtol=1e-4)
    assert not [x for x in out.iterdir() if x.is_dir()]


def test_a_model_that_is_not_there(tmp_path, capfd):
    """What fails on a worker is one line."""
    from keras_hybrid.cli import main

    save_images(tmp_path / "photos", 2)
    (tmp_path / "model.keras").write_text("no model")
    command = ["predict", tmp_path / "model.keras", tmp_path / "photos", "--ray"]
    with pytest.raises(SystemExit, match="2"):
        main([*map(str, command), "--out", str(tmp_path / "found")])
    line = capfd.readouterr().err.splitlines()[-1]
    assert (
        line.startswith("error: ") and "model.keras is truncated or no .keras" in line
    )
