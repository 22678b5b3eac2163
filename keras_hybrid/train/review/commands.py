"""The command `keras-hybrid review`."""

import pathlib
from typing import Annotated, Literal

import tyro

from keras_hybrid.utils.typing import Fit


def review_command(
    folder: Annotated[pathlib.Path, tyro.conf.Positional],
    out: pathlib.Path | None = None,
    most: int = 300,
    image_size: int = 32,
    fit: Fit = "crop",
    corrupt: Literal["raise", "skip"] = "raise",
    manifest: pathlib.Path | None = None,
    group_by: str = "none",
    corrections: pathlib.Path | None = None,
) -> None:
    """Look for wrong labels, and write a page that saves corrections for training.

    Args:
        folder: Folder with one folder of images per class, optionally within train and
            test, or with a labels.csv. Its files are only read.
        out: Folder to write into; `saved_models/review-` and the folder's name by
            default.
        most: Suspects on the page, at most.
        image_size: Side at which images are looked at, in pixels.
        fit: How images are made square: crop, pad or stretch.
        corrupt: Whether files that cannot be decoded are an error or left out.
        manifest: Table of the folder, if it is not its labels.csv.
        group_by: Images that are left out together, as for training, e.g. auto for
            copies and sequences.
        corrections: The corrections.csv of an earlier review, which is applied first.
    """
    from keras_hybrid.data.check.commands import result_folder
    from keras_hybrid.train.review.label_review import review_labels
    from keras_hybrid.train.review.review_page import write_review_page
    from keras_hybrid.utils.card import write_card
    from keras_hybrid.utils.csv_rows import write_csv

    if most < 1:
        raise ValueError(f"--most must be 1 or more, not {most}.")
    out = result_folder(folder, out, "review")
    review = review_labels(
        folder, image_size, fit, corrupt, manifest, group_by, corrections
    )
    suspects = review.suspects(most)
    out.mkdir(parents=True, exist_ok=True)
    write_card(review.as_dict(), out / "review.json")
    write_csv(review.rows(suspects), out / "suspects.csv")
    write_review_page(review, suspects, out / "review.html")
    for line in review.lines():
        print(line)
    print(
        f"Written to {out}: review.html with {len(suspects):,} suspects, suspects.csv"
    )
    print("Open the page, decide, save corrections.csv, and train with --corrections.")
