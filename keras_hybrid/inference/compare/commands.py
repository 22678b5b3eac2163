"""The command `keras-hybrid compare`."""

import json as json_format
import pathlib
from typing import Annotated

import tyro


def compare_command(
    runs: Annotated[tuple[pathlib.Path, ...], tyro.conf.Positional],
    out: pathlib.Path | None = None,
    json: bool = False,
    predict: bool = False,
) -> None:
    """Compare runs on their test images: settings, accuracy with tests, cost.

    Args:
        runs: Folders of two or more complete runs with the same test images.
        out: HTML file to write, with the curves of all runs.
        json: Print JSON in place of text.
        predict: Test runs of earlier versions, which saved no predictions, again on
            their images.
    """
    from keras_hybrid.inference.compare.comparison import compare
    from keras_hybrid.inference.compare.comparison_page import write_page
    from keras_hybrid.inference.compare.comparison_text import comparison_text

    if out and out.suffix not in (".html", ".htm"):
        raise ValueError(f"--out must end in .html: {out}.")
    found = compare(runs, predict)
    if out:
        write_page(found, out)
    if json:
        print(json_format.dumps(found.as_dict(), indent=2))
        return
    print(comparison_text(found))
    if out:
        print(f"\nWritten to {out}")
