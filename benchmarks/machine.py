"""The machine and the versions of a measurement, for every row."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata

from keras_hybrid.utils.git import revision
from keras_hybrid.utils.machine import cpuinfo

PACKAGES = (
    "keras",
    "jax",
    "tensorflow-cpu",
    "tensorflow",
    "torch",
    "timm",
    "transformers",
    "ai-edge-litert",
    "onnxruntime",
    "openvino",
)


def fingerprint() -> dict[str, str | int | float | None]:
    """Processor, cores, accelerator, load, versions and git revision."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "accelerator": accelerator(),
        "load": round(os.getloadavg()[0], 2),
        "versions": " ".join(_versions()),
        "revision": revision() or "",
    }


def _processor() -> str:
    """Name of the processor, with family and model: some generations share a name."""
    facts = cpuinfo()
    if "model name" in facts:
        keys = [key for key in ("cpu family", "model") if key in facts]
        return " ".join([facts["model name"], *(f"{k} {facts[k]}" for k in keys)])
    return platform.processor() or platform.machine()


def accelerator() -> str:
    """Names of the NVIDIA GPUs; empty without one."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return result.stdout.strip().replace("\n", ", ")


def _versions() -> Iterator[str]:
    yield f"python {sys.version.split()[0]}"
    for name in PACKAGES:
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
