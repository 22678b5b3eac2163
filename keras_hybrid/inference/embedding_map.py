"""A map of images: their features in two dimensions, on a page with pictures."""

import base64
import html
import json
import pathlib

import numpy as np

from keras_hybrid.data.small_jpeg import small_jpeg
from keras_hybrid.inference.embed import Embeddings, colours_of
from keras_hybrid.inference.embedding_files import EXTRA
from keras_hybrid.utils.optional import require
from keras_hybrid.utils.page import Page

IMAGES = 3000
"""Most images on a map; of more, so many are taken evenly."""
COLOURS = 20
"""Most colours on a map."""
LEAST = 30
"""Images from which on t-SNE is used."""
COMPONENTS = 50
"""Principal components that t-SNE begins with."""
_SIDE = 64
_QUALITY = 70
_WIDTH, _HEIGHT, _EDGE = 1000, 700, 12

_SCRIPT = """
const map = document.getElementById('map'), shown = document.getElementById('shown');
const points = JSON.parse(document.getElementById('points').textContent);
const show = (event) => {
  const index = event.target.dataset.i;
  if (index === undefined) return;
  const [name, label, prediction, picture] = points[index];
  shown.querySelector('img').src = 'data:image/jpeg;base64,' + picture;
  shown.querySelector('figcaption').textContent =
    name + (label ? ', label ' + label : '') + ', prediction ' + prediction;
};
map.addEventListener('pointerover', show);
map.addEventListener('click', show);
document.getElementById('names').addEventListener('change', (event) => {
  const name = event.target.value;
  for (const point of map.children)
    point.style.opacity = !name || point.dataset.n === name ? '' : 0.06;
});
"""


def project(features: np.ndarray, seed: int = 0) -> np.ndarray:
    """Places features on a plane, so that neighbours stay neighbours.

    These are principal components, and of `LEAST` images or more t-SNE (van der Maaten
    and Hinton 2008) of the first `COMPONENTS`.

    Args:
        features: `(N, features)`.
        seed: Seed of t-SNE.

    Returns:
        float64 `(N, 2)`, each column in [0, 1].

    Raises:
        ImportError: If scikit-learn is missing.
    """
    require_map()
    from sklearn.manifold import TSNE

    centered = features.astype("float64") - features.mean(0)
    left, sizes, _ = np.linalg.svd(centered, full_matrices=False)
    places = (left * sizes)[:, :COMPONENTS]
    if len(places) >= LEAST:
        settings = {"perplexity": min(30, len(places) // 4), "random_state": seed}
        places = TSNE(2, init="pca", **settings).fit_transform(places)
    plane = np.zeros((len(places), 2))
    plane[:, : places.shape[1]] = places[:, :2]
    low, high = plane.min(0), plane.max(0)
    return (plane - low) / np.where(high > low, high - low, 1)


def write_map(embeddings: Embeddings, path: pathlib.Path) -> None:
    """Writes the page; a point shows its picture under the pointer.

    Args:
        embeddings: What `embed` returned, whose files are still there.
        path: The HTML file.

    Raises:
        ImportError: If scikit-learn is missing.
    """
    count = len(embeddings.paths)
    chosen = np.unique(
        np.linspace(0, count - 1, min(count, IMAGES)).round().astype(int)
    )
    names = np.array(colours_of(embeddings, COLOURS))[chosen]
    plane = project(embeddings.features[chosen])
    rows = [
        (
            str(embeddings.paths[i]),
            embeddings.labels[i],
            embeddings.predictions[i],
            _picture(embeddings.paths[i]),
        )
        for i in chosen
    ]
    by = "label" if any(embeddings.labels) else "prediction"
    page = Page(
        "Map of images",
        f"{len(chosen):,} of {count:,} images, coloured by {by}. Images that lie close "
        "together look alike to the network; distances between groups mean little.",
    )
    page.markup(_drawing(plane, names)).markup(_data(rows)).write(path)


def _drawing(plane: np.ndarray, names: np.ndarray) -> str:
    """The points, the choice of a name, and the place of the picture."""
    kinds = sorted(set(names.tolist()))
    hues = {x: f"hsl({360 * i / len(kinds):.0f} 70% 45%)" for i, x in enumerate(kinds)}
    spans = _WIDTH - 2 * _EDGE, _HEIGHT - 2 * _EDGE
    places = (_EDGE + plane * spans).round(1).tolist()
    points = "".join(
        f'<circle data-i="{i}" data-n="{html.escape(name)}" cx="{x}" cy="{y}" r="4" '
        f'fill="{hues[name]}"/>'
        for i, ((x, y), name) in enumerate(zip(places, names.tolist(), strict=True))
    )
    choices = "".join(f"<option>{html.escape(name)}</option>" for name in kinds)
    legend = " ".join(
        f'<span style="color:{hues[name]}">\u25cf</span> {html.escape(name)}'
        for name in kinds
    )
    return (
        f'<svg id="map" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="Map of images">{points}</svg><p class="caption">{legend}</p>'
        f'<p><label>Show <select id="names"><option value="">all</option>{choices}'
        '</select></label></p><figure id="shown" style="min-height:7rem">'
        f'<img alt="" style="width:{_SIDE}px"><figcaption>Point at an image, or tap '
        "it.</figcaption></figure>"
    )


def _data(rows: list[tuple[str, str, str, str]]) -> str:
    text = json.dumps(rows).replace("<", "\\u003c")  # no tag may end the element
    return (
        f'<script type="application/json" id="points">{text}</script>'
        f"<script>{_SCRIPT}</script>"
    )


def _picture(path: pathlib.Path) -> str:
    """A small JPEG in base64; empty for a file that is gone."""
    return base64.b64encode(small_jpeg(path, _SIDE, _QUALITY) or b"").decode()


def require_map() -> None:
    """Raises ImportError if the package that makes a map is missing."""
    require("sklearn", extra=EXTRA, what="A map of images")
