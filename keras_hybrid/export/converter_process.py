"""Converts files in child processes with the Keras backend of the format."""

import json
import pathlib
import shutil
import tempfile

import numpy as np

from keras_hybrid.export.formats import get_format
from keras_hybrid.utils.subprocesses import ChildProcessFailed, run_module

CONVERTER = "keras_hybrid.export.writers"  # the module that such a process runs


def convert(
    format: str, source: pathlib.Path, target: pathlib.Path, options: dict[str, dict]
) -> None:
    """Converts a `.keras` file in a process of the format's Keras backend.

    Args:
        format: Name of the format.
        source: The file. Intermediate files stay beside it, for other formats that
            are made from them.
        target: The file or folder to write.
        options: Arguments of the functions in `writers`, by format.

    Raises:
        ChildProcessFailed: If the process ends with an error.
    """
    made = _made(format, source, options)
    if made.is_dir():
        shutil.copytree(made, target)
    else:
        shutil.copyfile(made, target)


def _made(format: str, source: pathlib.Path, options: dict[str, dict]) -> pathlib.Path:
    """The file beside `source`, made unless it is there."""
    made = source.with_name(f"{source.name}.{format}")
    if made.exists():
        return made
    facts = get_format(format)
    if facts.source is not None:
        source = _made(facts.source, source, options)
    chosen = facts.options | options.get(format, {})
    with tempfile.TemporaryDirectory() as folder:
        if chosen.get("calibration") is not None:
            file = pathlib.Path(folder) / "calibration.npy"
            np.save(file, chosen["calibration"])
            chosen = chosen | {"calibration": str(file)}
        arguments = [facts.writer, str(source), str(made), json.dumps(chosen)]
        try:
            # what the process leaves when it is killed goes with the folder
            run_module(CONVERTER, arguments, facts.backend, {"TMPDIR": folder})
        except ChildProcessFailed as error:
            message = f"Exporting to {format} failed: {error}"
            raise ChildProcessFailed(message, error.status) from error
    return made
