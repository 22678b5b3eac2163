"""What this machine computes with, asked of the system and not of a backend."""

import contextlib
import pathlib
import platform

_BFLOAT16 = {"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"}
"""Instruction sets for bfloat16, as Linux calls them."""


def cpuinfo() -> dict[str, str]:
    """What Linux says of the first processor; empty on other systems."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def processor() -> list[str]:
    """Model and instruction sets of the first processor."""
    facts = cpuinfo()
    if not facts:
        return [platform.machine(), platform.processor()]
    return [facts[x] for x in ("model name", "flags", "Features") if facts.get(x)]


def accelerators() -> list[str]:
    """Models of NVIDIA GPUs, by their driver."""
    files = pathlib.Path("/proc/driver/nvidia/gpus").glob("*/information")
    found = []
    for file in sorted(files):
        with contextlib.suppress(OSError):
            found.append(file.read_text("utf-8", "replace").partition("\n")[0])
    return found


def may_have_bfloat16() -> bool:
    """Whether something here may compute in bfloat16; yes where Linux does not say."""
    if platform.system() != "Linux" or accelerators():
        return True
    return not _BFLOAT16.isdisjoint(" ".join(processor()).split())
