"""Imports run one way, and importing the package is cheap."""

import ast
import os
import pathlib
import subprocess
import sys

import keras
import pytest

import keras_hybrid

ROOT = pathlib.Path(keras_hybrid.__file__).parent
FRAMEWORKS = {"tensorflow", "jax", "torch", "matplotlib", "timm", "sklearn"}
# Knows no other package.
COMMON = {"utils"}
# Package -> what it may import of this package, at the top of a module.
ALLOWED = {
    "layers": {"layers"},
    "models": {"layers", "models"},
    "weights": {"layers", "models", "weights", *COMMON},
    "analysis": {"layers", "models", "analysis", *COMMON},
    "bench": {"layers", "models", "weights", "data", "train", "export", "bench"}
    | COMMON,
    "export": {"layers", "models", "data", "export", *COMMON},
    "data": {"data", *COMMON},
    "train": {"layers", "models", "weights", "data", "train", *COMMON},
    "utils": {"utils"},
}


def package_of(path):
    return path.relative_to(ROOT).with_suffix("").parts[0]


def modules():
    return [path for path in ROOT.rglob("*.py") if package_of(path) in ALLOWED]


def top_level_imports(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows(path):
    package = package_of(path)
    for name in top_level_imports(path):
        parts = name.split(".")
        assert parts[0] not in FRAMEWORKS, f"{name} belongs inside a function"
        if parts[0] == "keras_hybrid" and len(parts) > 1:
            assert parts[1] in ALLOWED[package], f"{package} may not import {name}"
        elif package in ("layers", "models"):
            known = {"keras", "keras_hybrid"} | sys.stdlib_module_names
            assert parts[0] in known, f"{package} imports keras and the stdlib only"
    assert "keras.src" not in path.read_text()


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="asked once, of JAX")
def test_import_is_cheap_and_brings_no_other_framework():
    code = (
        "import sys, keras; before = set(sys.modules); import keras_hybrid; "
        "new = set(sys.modules) - before; print(len(new)); "
        "print([m for m in ('tensorflow', 'torch', 'matplotlib') if m in new])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=True,
    )
    count, loaded = answer.stdout.split("\n")[:2]
    assert int(count) <= 100
    assert loaded == "[]"
