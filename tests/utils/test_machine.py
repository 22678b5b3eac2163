"""What a processor can compute in, by the words of the system."""

import pytest

from keras_hybrid.utils import machine

pytestmark = pytest.mark.backend_independent


@pytest.mark.parametrize(
    ("fields", "accelerators", "expected"),
    [
        (["EPYC", "fpu avx2"], [], False),
        (["Xeon", "fpu avx512_bf16 avx2"], [], True),
        (["fp asimd", "bf16 sve"], [], True),
        (["EPYC", "fpu avx2"], ["Model: NVIDIA"], True),
    ],
)
def test_bfloat16(fields, accelerators, expected, monkeypatch):
    monkeypatch.setattr(machine, "processor", lambda: fields)
    monkeypatch.setattr(machine, "accelerators", lambda: accelerators)
    monkeypatch.setattr(machine.platform, "system", lambda: "Linux")
    assert machine.may_have_bfloat16() == expected
    monkeypatch.setattr(machine.platform, "system", lambda: "Darwin")
    assert machine.may_have_bfloat16()  # nothing is known


def test_this_machine_has_a_processor():
    assert any(machine.processor())
