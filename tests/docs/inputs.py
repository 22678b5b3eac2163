"""Writes docs/inputs.md: `python -m tests.docs.inputs`."""

import contextlib
import io
import pathlib
import tempfile

import numpy as np

from keras_hybrid import data
from keras_hybrid.analysis.choose_images import choose_images
from keras_hybrid.data.read_images import read_image
from keras_hybrid.inference import Classifier, evaluate, find_files, predict_files
from keras_hybrid.inference.answers import ANSWERS
from tests.docs import input_pixels, input_tables  # noqa: F401 (they add their cases)
from tests.docs.input_folders import CASES

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "inputs.md"
SHAPE = (8, 8, 3)
LEFT_OUT = {"stray_images", "empty_files", "other_files", "hidden_files"}
INTRODUCTION = """# What is read, and how

Each row is a folder, each column a command that reads it. The table is written by
`python -m tests.docs.inputs`, which makes every folder and reads it in every way; a test
compares.

- A number is that of the images that are used: for `train` those for training, validation
  (where they are given) and test.
- `*`: a line, or a finding of `check`, says what is left out.
- `!`: files that cannot be read are named, and the exit code is 1.
- R and a number: refused with that [message](#refusals), before anything is trained, computed
  or written. `DIR` is the folder.

`predict`, `analyse` and `export` take all images of a folder, whatever its classes. The model that reads was
trained on files of 8 bits; one that was trained on [deeper files](train.md#more-than-8-bits-transparency-several-frames)
has their range and reads them.
"""


class Constant(Classifier):
    """A classifier without a file, for which all classes are alike."""

    def __init__(self, task, classes):
        answer = ANSWERS[task].prediction
        self.path, self.input_shape, self.task = pathlib.Path("m.keras"), SHAPE, task
        self.card, self.rejects = {answer.names_in_card: list(classes)}, False
        self._answer, self._takes_pixels, self._facts = answer, True, {}
        row = np.full(len(classes), 1 / len(classes), "float32")
        self._run = lambda images: {answer.output: np.tile(row, (len(images), 1))}


def train(root, case):
    found = data.load("folder", root, image_size=8, task=case.task)
    held_out = found.train.held_out
    watched = 0 if held_out is None else int(held_out.sum())
    parts = [
        len(found.train) - watched,
        *([watched] if watched else []),
        len(found.test),
    ]
    return " + ".join(map(str, parts))


def check(root, case):
    found = data.check_folder(root, quiet=True, task=case.task)
    for finding in found.findings:
        if finding.kind in ("layout", "classes") and finding.severity == "error":
            raise ValueError(finding.message)
    if LEFT_OUT & {x.kind for x in found.findings}:
        print("left out")
    unreadable = any(x.kind == "unreadable" for x in found.findings)
    return f"{found.images}{'!' * unreadable}"


def evaluate_model(root, case):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            classes = data.load(
                "folder", root, image_size=8, task=case.task
            ).class_names
    except (ValueError, OSError):
        classes = ("ant", "bee")
    found = evaluate(Constant(case.task, classes), root, quiet=True)
    return f"{len(found.labels)}{'!' * bool(found.unreadable)}"


def predict(root, case):
    files = find_files([str(root)])
    found = list(predict_files(Constant(case.task, ("ant", "bee")), files, quiet=True))
    good = sum(x.error is None for x in found)
    return f"{good}{'!' * (good < len(found))}"


def analyse(root, case):
    return str(len([read_image(x, SHAPE, {}) for x in choose_images(root, 1000)]))


def calibrate(root, case):
    found = len(data.load_images(root, SHAPE, {}, "train", 300))
    assert found == len(data.load_images(root, SHAPE, {}))  # export --images
    return str(found)


READERS = {
    "`train`": train,
    "`check`": check,
    "`evaluate`": evaluate_model,
    "`predict`": predict,
    "`analyse`": analyse,
    "`export --images, --calibration`": calibrate,
}


def read(reader, root, case, refusals):
    """What a cell of the table says; a refusal is added to `refusals`."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            cell = reader(root, case)
    except (ValueError, OSError) as error:
        message = str(error).replace(str(root), "DIR")
        assert "\n" not in message, message
        if message not in refusals:
            refusals.append(message)
        return f"R{refusals.index(message) + 1}"
    return cell + "*" * ("left out" in printed.getvalue().casefold())


def page(cases=CASES):
    """The text of docs/inputs.md."""
    refusals: list[str] = []
    lines = [INTRODUCTION.strip()]
    section = ""
    for case in cases:
        if case.section != section:
            section = case.section
            lines += ["", f"## {section}", "", f"| input | {' | '.join(READERS)} |"]
            lines.append("|---" * (len(READERS) + 1) + "|")
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder).resolve() / "photos"
            root.mkdir()
            case.make(root)
            cells = [read(reader, root, case, refusals) for reader in READERS.values()]
        lines.append(f"| {' | '.join([case.text, *cells])} |")
    lines += ["", "## Refusals", ""]
    lines += [f"- R{i}: {_escaped(x)}" for i, x in enumerate(refusals, 1)]
    return "\n".join(lines) + "\n"


def _escaped(message):
    return f"`{message}`"


if __name__ == "__main__":
    PAGE.write_text(page())
