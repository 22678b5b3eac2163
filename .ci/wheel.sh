#!/usr/bin/env bash
# Builds sdist and wheel, and uses the wheel from an empty folder.
# The dependencies are those of the environment that runs this.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH  # a checkout on it would count as installed
python -m build --outdir "$work/dist" . > "$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
wheel=$(ls "$work"/dist/*.whl) sdist=$(ls "$work"/dist/*.tar.gz)

python - "$wheel" "$sdist" <<'PYTHON'
import sys, tarfile, zipfile

wheel = zipfile.ZipFile(sys.argv[1]).namelist()
sdist = [name.split("/", 1)[-1] for name in tarfile.open(sys.argv[2]).getnames()]
tops = {name.split("/")[0] for name in wheel}
assert all(top == "keras_hybrid" or top.endswith(".dist-info") for top in tops), tops
wrong = [name for name in wheel if "bench" in name or "/results/" in name]
assert not wrong, wrong
for name in (
    "recipes/digits.py",
    "py.typed",
    "weights/checkpoints.csv",
    "export/web/page/index.html",
    "train/review/page.js",
):
    assert f"keras_hybrid/{name}" in wheel, name
for name in ("tests/test_imports.py", "docs/index.md", "CITATION.cff", "benchmarks/cases.py"):
    assert name in sdist, name
PYTHON

packages=$(python -c "import sysconfig; print(sysconfig.get_path('purelib'))")
python -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-deps "$wheel"
# after the wheel's own folder on the path, so that the wheel is what is imported
echo "$packages" > "$("$work/venv/bin/python" -c "import sysconfig; print(sysconfig.get_path('purelib'))")/dependencies.pth"
mkdir "$work/empty" && cd "$work/empty"
"$work/venv/bin/python" -c "import keras_hybrid; assert '$work' in keras_hybrid.__file__, keras_hybrid.__file__"
"$work/venv/bin/keras-hybrid" list "atc*" > /dev/null
KERAS_BACKEND=tensorflow "$work/venv/bin/keras-hybrid" train --dataset digits --epochs 1 > train.log 2>&1 ||
    { cat train.log; exit 1; }
KERAS_BACKEND=tensorflow "$work/venv/bin/python" -m keras_hybrid.recipes.digits --help > /dev/null
echo "The wheel works: $(basename "$wheel")"
