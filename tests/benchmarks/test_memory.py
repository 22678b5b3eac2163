"""What --remat saves, by XLA's count."""

import csv
import os
import subprocess
import sys

import keras
import pytest

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="it needs JAX")


def test_less_memory_for_a_few_operations(tmp_path):
    out = tmp_path / "memory.csv"
    program = [sys.executable, "-m", "benchmarks", "memory", "convit_tiny"]
    program += ["--batch-size", "2", "--out", str(out)]
    # processes of their own: XLA reads its flags once
    for more in ([], ["--remat"]):
        subprocess.run([*program, *more], env=os.environ, check=True)
    with open(out, newline="") as file:
        kept, anew = csv.DictReader(file)
    assert (kept["candidate"], anew["candidate"]) == ("plain", "remat")
    memory, operations = (
        float(anew[name]) / float(kept[name])
        for name in ("temporary_megabytes", "operations")
    )
    assert memory < 0.6
    assert 1 < operations < 1.2
