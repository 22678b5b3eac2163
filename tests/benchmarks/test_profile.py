"""The profile names layers and sorts them by time."""

import keras
import pytest

from benchmarks.profile import profile


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="profiles JAX")
@pytest.mark.parametrize("task", ["inference", "training"])
def test_profile(task, capsys):
    kinds = profile("gpsa_tiny", task, 1)
    assert "s per step" in capsys.readouterr().out
    milliseconds = [value for value, _ in kinds.values()]
    assert milliseconds == sorted(milliseconds, reverse=True) and milliseconds[0] > 0
    assert any("block#_attention_query" in kind for kind in kinds)
    assert any("transpose(jvp" in kind for kind in kinds) == (task == "training")
