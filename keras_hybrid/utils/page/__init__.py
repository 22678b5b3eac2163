"""One HTML file with text, figures, tables, charts and galleries, without a network."""

from keras_hybrid.utils.page.chart import Line
from keras_hybrid.utils.page.gallery import Picture
from keras_hybrid.utils.page.page import Page

__all__ = ["Line", "Page", "Picture"]
