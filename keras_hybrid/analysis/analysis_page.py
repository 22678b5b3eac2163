"""The page that `keras-hybrid analyse` writes about a model."""

import pathlib
from collections.abc import Sequence

import keras
import numpy as np

from keras_hybrid.analysis import attention_sections, model_sections
from keras_hybrid.analysis.attention_probe import attention_layers, attention_maps
from keras_hybrid.analysis.csv_page import CsvPage
from keras_hybrid.analysis.locality_logger import read_log
from keras_hybrid.analysis.rank import has_transformer_blocks
from keras_hybrid.layers import RelativeAttention
from keras_hybrid.utils.figures import require_matplotlib

MAP_IMAGES = 4  # images with attention maps and shifts
GRADIENT_IMAGES = 16  # images for receptive fields and rank


def write_report(
    model: keras.Model,
    images: np.ndarray,
    directory: str | pathlib.Path,
    titles: Sequence[str] = (),
    labels: np.ndarray | None = None,
    log: str | pathlib.Path | None = None,
) -> pathlib.Path:
    """Writes `analysis.html`, and a CSV file for each of its figures and tables.

    The page has only the sections that apply to the model.

    Args:
        model: A model of this package with a fixed input size.
        images: `(B, H, W, C)`, as the model takes them. Means are over all images;
            attention maps are of the first ones.
        directory: Folder of the files; created if it does not exist.
        titles: Titles of the images.
        labels: Class numbers of the images, for the accuracy under masks.
        log: CSV file of the `LocalityLogger` that was used in training.

    Returns:
        Path of the page.

    Raises:
        ImportError: If matplotlib is missing.
    """
    require_matplotlib("A report")
    summary = (
        f"{len(images)} images of {images.shape[1]}x{images.shape[2]} pixels. Each "
        "figure links to its numbers as a CSV file."
    )
    page = CsvPage(f"Analysis of {model.name}", summary, directory)
    few, some = images[:MAP_IMAGES], images[:GRADIENT_IMAGES]
    model_sections.size(page, model)
    if attention_layers(model):
        maps = attention_maps(model, few)
        attention_sections.rollout(page, maps, few, titles)
        attention_sections.head_maps(page, model, maps)
        attention_sections.distance(page, model, images, labels)
    if log is not None and (lines := read_log(log)):
        attention_sections.training(page, lines)
    model_sections.receptive_fields(page, model, some)
    if has_transformer_blocks(model):
        model_sections.rank(page, model, some)
    if any(isinstance(x, RelativeAttention) for x in model.layers):
        model_sections.equivariance(page, model, few)
    return page.write(page.directory / "analysis.html")
