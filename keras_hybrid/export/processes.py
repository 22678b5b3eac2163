"""The processes that convert, each with the Keras backend of its format."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

from keras_hybrid.export.formats import FORMATS


def convert(
    format: str, source: pathlib.Path, target: pathlib.Path, options: dict[str, dict]
) -> None:
    """Converts a `.keras` file in a process of the format's Keras backend.

    Args:
        format: Name of `FORMATS`.
        source: The file. What is made of it stays beside it, too, for the formats
            that are made from that.
        target: The file or folder to write.
        options: Arguments of the functions in `convert`, by format.
    """
    made = _made(format, source, options)
    if made.is_dir():
        shutil.copytree(made, target)
    else:
        shutil.copyfile(made, target)


def _made(format: str, source: pathlib.Path, options) -> pathlib.Path:
    """The file beside `source`, made unless it is there."""
    made = source.with_name(f"{source.name}.{format}")
    if made.exists():
        return made
    if FORMATS[format].source is not None:
        source = _made(FORMATS[format].source, source, options)
    chosen = options.get(format, {})
    with tempfile.TemporaryDirectory() as folder:
        if chosen.get("calibration") is not None:
            file = pathlib.Path(folder) / "calibration.npy"
            np.save(file, chosen["calibration"])
            chosen = chosen | {"calibration": str(file)}
        answer = subprocess.run(
            [sys.executable, "-m", "keras_hybrid.export.convert"]
            + [format, str(source), str(made), json.dumps(chosen)],
            env=os.environ
            | {"KERAS_BACKEND": FORMATS[format].backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
    if answer.returncode:
        last = answer.stderr.strip().splitlines()[-1]
        raise RuntimeError(f"Exporting to {format} failed: {last}")
    return made
