"""Suggested images as a table to fill in, and as a page with pictures."""

import pathlib

from keras_hybrid.data.manifest import name_in
from keras_hybrid.data.small_jpeg import small_jpeg
from keras_hybrid.inference.suggest import Suggestions
from keras_hybrid.utils.csv_rows import write_csv
from keras_hybrid.utils.page import Page, Picture

PICTURES = 500
"""Most pictures on the page."""
_SIDE, _QUALITY = 128, 75


def write_table(
    suggestions: Suggestions, folder: pathlib.Path, path: pathlib.Path
) -> None:
    """Writes `file,label,prediction,probability,second,second_probability`.

    The column `label` is empty: once it is filled in, the file is a `labels.csv` of the
    folder.

    Args:
        suggestions: The images.
        folder: Folder from which `file` is given.
        path: The CSV file.
    """
    names = ("prediction", "probability", "second", "second_probability")
    rows = [
        {"file": name_in(folder, str(file)), "label": ""}
        | dict(zip(names, _cells(best), strict=True))
        for file, best in _with_best(suggestions)
    ]
    write_csv(rows, path)


def write_page(suggestions: Suggestions, path: pathlib.Path) -> None:
    """Writes the first images as one HTML file, with what the model says of each.

    Args:
        suggestions: The images, whose files are still there.
        path: The file.
    """
    count = len(suggestions.paths)
    page = Page(
        "Images to label next",
        f"{count:,} of {suggestions.looked_at:,} images, the one that the model is "
        "least sure of first"
        + (f"; the first {PICTURES} are shown." if count > PICTURES else "."),
    )
    pictures = [
        Picture(
            f"{best[0][0]} {best[0][1]:.0%}, {best[1][0]} {best[1][1]:.0%}",
            {"prediction": best[0][0]},
            str(file),
            small_jpeg(file, _SIDE, _QUALITY) or b"",
        )
        for file, best in _with_best(suggestions)[:PICTURES]
    ]
    page.gallery(pictures, "Images to label next").write(path)


def _with_best(
    suggestions: Suggestions,
) -> list[tuple[pathlib.Path, list[tuple[str, float]]]]:
    """Each file with its two likeliest classes."""
    return list(zip(suggestions.paths, suggestions.prediction.top(2), strict=True))


def _cells(best: list[tuple[str, float]]) -> list[str]:
    return [cell for name, share in best for cell in (name, f"{share:.6g}")]
