"""The memory that --remat saves, by XLA's count."""

import os
import subprocess
import sys

import keras
import pytest

from tests.read_csv import rows_of

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="it needs JAX")


def test_less_memory_for_a_few_operations(tmp_path):
    out = tmp_path / "memory.csv"
    program = [sys.executable, "-m", "benchmarks", "memory", "convit_tiny"]
    program += ["--batch-size", "2", "--out", str(out)]
    # one process each, because XLA reads its flags once
    for more in ([], ["--remat"]):
        subprocess.run([*program, *more], env=os.environ, check=True)
    plain, remat = rows_of(out)
    assert (plain["candidate"], remat["candidate"]) == ("plain", "remat")
    memory, operations = (
        float(remat[name]) / float(plain[name])
        for name in ("temporary_megabytes", "operations")
    )
    assert memory < 0.6
    assert 1 < operations < 1.2
