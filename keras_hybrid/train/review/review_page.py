"""The page on which suspect labels are confirmed, moved to a class, or dropped."""

import base64
import hashlib
import html
import importlib.resources
import json
import pathlib

import numpy as np

from keras_hybrid.data.corrections import COLUMNS, FILE
from keras_hybrid.data.small_jpeg import small_jpeg
from keras_hybrid.train.review.label_review import LabelReview
from keras_hybrid.utils.page import Page

_SIDE, _QUALITY = 160, 80  # of the pictures
_SUGGESTED = 3  # classes that have a button
_HOW = (
    "Arrow keys go from image to image. C confirms the label, M or 1 moves the image "
    "to the first class suggested, 2 and 3 to the next ones, D drops it, U takes the "
    "decision back, S saves corrections.csv. No image is changed or deleted: train "
    "--corrections corrections.csv applies the file. Undecided images stay as they are."
)


def write_review_page(
    review: LabelReview, indices: np.ndarray, path: pathlib.Path
) -> None:
    """Writes the page, one file with pictures, which needs no network.

    Args:
        review: The review, whose files are still there.
        indices: The images to show, the most suspect first.
        path: The HTML file.
    """
    page = Page(f"Labels of {review.root.resolve().name}")
    for line in review.lines():
        page.text(line)
    if len(indices):
        page.text(_HOW)
        page.markup(_markup(review, indices))
    else:
        page.text("No label is suspect.")
    page.write(path)


def _markup(review: LabelReview, indices: np.ndarray) -> str:
    cards = "\n".join(_card(review, int(i)) for i in indices)
    shown = [review.names[i] for i in indices]
    facts = {
        "classes": review.classes,
        "columns": COLUMNS,
        "file": FILE,
        "key": hashlib.sha256(
            json.dumps([str(review.root), shown]).encode()
        ).hexdigest()[:16],
    }
    data = json.dumps(facts).replace("<", "\\u003c")
    return (
        f"<style>{_file('page.css')}</style>"
        f'<div class="bar"><span id="count" role="status"></span>'
        f'<progress max="{len(indices)}"></progress>'
        f'<button id="save">Save {FILE} <kbd>S</kbd></button></div>'
        f'<div class="suspects">{cards}</div>'
        f'<script type="application/json" id="review">{data}</script>'
        f"<script>{_file('page.js')}</script>"
    )


def _card(review: LabelReview, index: int) -> str:
    name = html.escape(review.names[index])
    label = html.escape(review.classes[review.labels[index]])
    picture = small_jpeg(review.root / review.names[index], _SIDE, _QUALITY)
    data = base64.b64encode(picture or b"").decode()
    moves = "".join(
        _move_button(review, index, int(other), key)
        for key, other in enumerate(review.likeliest(index)[:_SUGGESTED], 1)
    )
    wrong = min(100 * review.noise.wrong[index], 99)
    return (
        f'<article class="suspect" tabindex="0" data-path="{name}" '
        f'data-label="{label}" aria-label="{name}, labelled {label}">'
        f'<img alt="{name}" src="data:image/jpeg;base64,{data}">'
        f"<p><b>{label}</b>, {wrong:.0f} % likely wrong</p>"
        f'<p class="file">{name}</p><div class="choices">'
        f'<button data-action="confirm">confirm <kbd>C</kbd></button>{moves}'
        f'<select aria-label="another class"><option value="">another class'
        f"</option></select>"
        f'<button data-action="drop">drop <kbd>D</kbd></button></div></article>'
    )


def _move_button(review: LabelReview, index: int, number: int, key: int) -> str:
    share = 100 * review.noise.probabilities[index, number]
    words = html.escape(review.classes[number])
    return (
        f'<button data-action="move" data-label="{words}">{words} '
        f"{share:.0f} % <kbd>{key}</kbd></button>"
    )


def _file(name: str) -> str:
    return (importlib.resources.files(__package__) / name).read_text("utf-8")
