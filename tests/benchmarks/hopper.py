"""What JAX would give an NVIDIA GPU of the Hopper generation, seen without one."""

import contextlib
import re
from collections.abc import Iterator
from unittest import mock

import jax
import keras
from jax import export
from jax._src.cudnn import fused_attention_stablehlo as fused

ATTENTION = "__cudnn$fmha"
"""How the names of cuDNN's attention kernels begin."""
_KERNELS = [
    f"{ATTENTION}{bias}Softmax{direction}"
    for bias in ("", "ScaleBias")
    for direction in ("", "Backward")
]
_CAPABILITY = (9, 0)


@contextlib.contextmanager
def hopper() -> Iterator[None]:
    """Makes this package, Keras and JAX choose what they choose on such a GPU."""

    def at_least(capability):
        return tuple(map(int, capability.split("."))) <= _CAPABILITY

    def exactly(capability):
        return tuple(map(int, capability.split("."))) == _CAPABILITY

    with contextlib.ExitStack() as stack:
        for target, name, value in (
            (keras.distribution, "list_devices", lambda *_: ["gpu:0"]),
            (fused, "check_cudnn_version", lambda: 91000),
            (fused, "check_compute_capability", at_least),
            (fused, "is_cuda_compute_capability_equal", exactly),
        ):
            stack.enter_context(mock.patch.object(target, name, value))
        yield


def lowered(function, *arguments) -> str:
    """The StableHLO of a function for CUDA; see `hopper`."""
    allowed = [export.DisabledSafetyCheck.custom_call(name) for name in _KERNELS]
    exported = export.export(
        jax.jit(function), platforms=["cuda"], disabled_checks=allowed
    )
    return exported(*arguments).mlir_module()


def custom_calls(text: str) -> list[str]:
    """Names of the library calls in StableHLO, callbacks to Python among them."""
    return re.findall(r"custom_call @([\w$.]+)", text)


def operations(text: str) -> int:
    """Number of StableHLO operations, of which XLA makes kernels."""
    return len(re.findall(r"= \"?(?:stablehlo|chlo)\.(?!constant|return)", text))
