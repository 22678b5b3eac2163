"""Imports run one way, and importing the package is cheap."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

import keras_hybrid

pytestmark = pytest.mark.backend_independent

ROOT = pathlib.Path(keras_hybrid.__file__).parent
FRAMEWORKS = {"tensorflow", "jax", "torch", "matplotlib", "timm", "sklearn"}
# Package -> the packages that it may import, at the top or inside a function.
ARROWS = {
    "utils": set(),
    "ops": {"utils"},
    "layers": {"utils", "ops"},
    "models": {"utils", "ops", "layers"},
    "weights": {"utils", "ops", "layers", "models"},
    "data": {"utils"},
    "train": {"utils", "ops", "layers", "models", "weights", "data"},
    "analysis": {"utils", "ops", "layers", "models", "weights", "data"},
    "export": {"utils", "ops", "layers", "models", "weights", "data", "analysis"},
    "inference": {"utils", "models", "weights", "data", "train", "export", "analysis"},
    "publish": {"utils", "models", "weights", "data", "train", "export"},
}
# These import Keras and the standard library only.
PURE = ("ops", "layers", "models")
BACKENDS = {"jax", "tensorflow", "torch"}


def package_of(path):
    return path.relative_to(ROOT).with_suffix("").parts[0]


def modules():
    return [path for path in ROOT.rglob("*.py") if package_of(path) in ARROWS]


def imports(path):
    """(name, whether it stands at the top of the module) of every import."""
    tree = ast.parse(path.read_text())
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            if node.module == "keras_hybrid":  # from keras_hybrid import models
                yield from (
                    (f"keras_hybrid.{x.name}", id(node) in top) for x in node.names
                )
            else:
                yield node.module, id(node) in top


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows(path):
    package = package_of(path)
    allowed = ARROWS[package] | {package, "__version__"}
    for name, at_the_top in imports(path):
        first, *rest = name.split(".")
        if at_the_top:
            assert first not in FRAMEWORKS, f"{name} belongs inside a function"
        if first == "keras_hybrid":
            assert rest, f"{package} imports the whole package"
            assert rest[0] in allowed, f"{package} may not import {name}"
        elif package in PURE:
            backends = BACKENDS if package == "ops" and not at_the_top else set()
            known = {"keras"} | backends | sys.stdlib_module_names
            assert first in known, f"{package} may not import {name}"
    assert "keras.src" not in path.read_text()


@pytest.mark.parametrize("package", ["layers", "models"])
def test_only_ops_ask_for_the_backend(package):
    for path in (ROOT / package).rglob("*.py"):
        text = path.read_text()
        for word in ("backend()", "jax_on_cpu", "list_devices"):
            assert word not in text, f"{path.name} asks for the backend: {word}"


def test_import_is_cheap_and_brings_no_other_framework():
    code = (
        "import sys, keras; before = set(sys.modules); import keras_hybrid; "
        "new = set(sys.modules) - before; print(len(new)); "
        "assert 'keras_hybrid.train' not in new; "
        "assert keras_hybrid.load is keras_hybrid.inference.load; "
        "keras_hybrid.train.Recipe, keras_hybrid.data, keras_hybrid.export; "
        "assert set(keras_hybrid.__all__) <= set(dir(keras_hybrid)); "
        "assert not hasattr(keras_hybrid, 'nothing'); "
        "print([m for m in ('tensorflow', 'torch', 'matplotlib') if m in new])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=True,
    )
    count, loaded = printed.stdout.split("\n")[:2]
    assert int(count) <= 120
    assert loaded == "[]"
