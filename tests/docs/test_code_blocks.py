"""Every code block of the README and the docs runs, as a reader would paste it.

Blocks run in a folder with `recipes/`, a folder `photos/`, an image `photo.jpg` and a
trained `saved_models/digits-atc3`. Two things differ from a reader's machine: training
commands get two epochs, and `pip install` is checked against the extras that exist.
Blocks under a comment `<!-- options only: REASON -->` have their options parsed, but do
not train. The Python blocks of a section share their names; no other section's are seen.
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from PIL import Image

pytestmark = [pytest.mark.backend_independent, pytest.mark.slow]

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
BLOCK = re.compile(
    r"^(?:<!-- options only: (?P<only>.+) -->\n)?"
    r"```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FEW = ("--epochs", "2", "--warmup-epochs", "0")


def sections(page):
    """The texts under the second-level headings of a page."""
    return re.split(r"^(?=## )", page.read_text(), flags=re.MULTILINE)


def blocks(section):
    """(language, code, whether only its options are checked) of a section's blocks."""
    for match in BLOCK.finditer(section):
        yield match["language"], match["code"], match["only"] is not None


def commands(code):
    """The commands of a shell block, each a list of words."""
    for line in code.replace("\\\n", " ").splitlines():
        for part in re.split(r"\s&&\s", line):
            words = shlex.split(part, comments=True)
            if words:
                yield words


def environment_of(words):
    """Assignments before a command, and the command."""
    setting = re.compile(r"[A-Z_]+=.*")
    chosen = {}
    while words and setting.fullmatch(words[0]):
        name, _, value = words.pop(0).partition("=")
        chosen[name] = value
    return chosen, words


def run(words, folder, **chosen):
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        words,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PATH": path} | chosen,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with recipes, photos and a run, from which every page starts."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "bin").mkdir()
    for name, more in (("python", ""), ("keras-hybrid", "-m keras_hybrid")):
        script = folder / "bin" / name  # a link would leave the environment
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {more} "$@"\n')
        script.chmod(0o755)
    for name in ("recipes", "benchmarks"):
        (folder / name).symlink_to(ROOT / name)
    rng = np.random.default_rng(0)
    for number, name in enumerate(("ant", "bee", "cat")):
        (folder / "photos" / name).mkdir(parents=True)
        for i in range(32):  # enough for a batch of 64
            pixels = rng.integers(0, 60, (40 + i, 50, 3)) + 60 * number
            file = folder / "photos" / name / f"{i}.jpg"
            Image.fromarray(pixels.astype("uint8")).save(file)
    shutil.copy(folder / "photos" / "ant" / "0.jpg", folder / "photo.jpg")
    run(["python", "recipes/digits.py", *FEW], folder)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page, trained, monkeypatch):
    monkeypatch.chdir(trained)
    for section in sections(page):
        namespace = {"__name__": "block"}
        for language, code, only_options in blocks(section):
            if language == "python":
                program = compile(code, str(page), "exec")
                if not only_options:
                    exec(program, namespace)
            elif language == "sh":
                for words in commands(code):
                    chosen, words = environment_of(list(words))
                    check(words, chosen, trained, only_options)
            else:
                assert language in ("text", "toml", "yaml", "csv", "json"), language


def check(words, chosen, folder, only_options):
    """Runs a command, or what of it can be run here."""
    if not words or words[0] in ("export", "."):
        return
    if words[0] == "pip" or words[1:3] == ["-m", "venv"]:
        check_install(words)
    elif words[0] in ("git", "mkdocs", "ruff", "mypy", "npm") or "tests" in words:
        return  # what .ci/run does
    elif only_options:
        check_options(words)
    else:
        trains = "train" in words or words[1:2] == ["recipes/image_folder.py"]
        if words[1:2] == ["recipes/digits.py"]:
            trains = True
        more = FEW if trains and "--epochs" not in words else ()
        if trains and "--epochs" in words:
            words[words.index("--epochs") + 1] = "2"
            more = ("--warmup-epochs", "0")
        run([*words, *more], folder, **chosen)


def check_install(words):
    with open(ROOT / "pyproject.toml", "rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    for extra in re.findall(r"\[(.+?)\]", " ".join(words)):
        assert set(extra.split(",")) <= set(extras), extra


def check_options(words):
    """Parses the options of a command that would run for too long."""
    if words[0] == "keras-hybrid":
        words = ["python", "-m", "keras_hybrid", *words[1:]]
    done = parse_only(words[1:])
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stderr}"


def parse_only(arguments):
    return subprocess.run(
        [sys.executable, "-m", "tests.docs.parse_only", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        ["recipes/cifar100.py", "--epoch", "3"],
        ["recipes/low_data.py", "--none", "3"],
        ["-m", "keras_hybrid", "convert", "a.pth", "--modell", "cvt13"],
        ["-m", "keras_hybrid", "train", "--recipe", "none.json", "--epoch", "3"],
        ["-m", "keras_hybrid", "tune", "--trial", "3"],
        ["-m", "benchmarks", "compare", "--round", "3"],
    ],
)
def test_an_option_that_does_not_exist_is_found(command):
    assert parse_only(command).returncode == 2
