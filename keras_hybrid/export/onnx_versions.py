"""Versions of ONNX files, and the runtimes that read them."""

OPSET = 18
"""The default: read by ONNX Runtime 1.14 (February 2023) and later."""

IR_VERSIONS = {17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11}
"""The IR version of a file with an opset: that of the release that brought the opset,
so that every runtime that knows the opset reads the file."""


def check_opset(opset: int | None) -> None:
    """Raises ValueError if there is no such opset to write."""
    if opset is not None and opset not in IR_VERSIONS:
        raise ValueError(
            f"--opset must be {min(IR_VERSIONS)} to {max(IR_VERSIONS)}, not {opset}."
        )
