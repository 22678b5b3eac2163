"""The page writer: one file, nothing outside it, text that cannot become markup."""

import base64
import re

import pytest

from keras_hybrid.utils.page import Page

pytestmark = pytest.mark.backend_independent

figures = pytest.importorskip("matplotlib.figure")


def line():
    figure = figures.Figure(figsize=(3, 2))
    figure.subplots().plot([1, 2])
    return figure


def test_page_is_one_file(tmp_path):
    page = Page("A & B", "What <it> is.").section("First", "Words.")
    page.figure(line(), "A line.", csv="line.csv").figure(line(), picture=True)
    page.table([{"name": "a", "macs": 12345, "loss": 0.123456}], "All.")
    text = page.write(tmp_path / "sub" / "page.html").read_text()
    assert "A &amp; B" in text and "What &lt;it&gt; is." in text
    assert '<a href="#s1">First</a>' in text and '<h2 id="s1">First</h2>' in text
    assert '<a href="line.csv">numbers</a>' in text
    assert "<td class=number>12,345</td><td class=number>0.1235</td>" in text
    assert '<th scope="row">a</th>' in text and '<th scope="col">name</th>' in text
    assert "width=device-width" in text
    sources = re.findall(r'src="([^"]+)"', text)
    kinds = [source.split(";")[0] for source in sources]
    assert kinds == ["data:image/svg+xml", "data:image/png"]
    drawn = [base64.b64decode(source.split(",")[1]) for source in sources]
    assert b"<svg" in drawn[0] and drawn[1].startswith(b"\x89PNG")
    assert text.count('<div class="figures">') == 1  # both share a row
    assert "http" not in re.sub(r'src="[^"]+"', "", text)


def test_rows_of_figures_keep_their_place():
    page = Page("t").figure(line(), "one").text("between").figure(line(), "two")
    text = page.html()
    assert text.index("one</figcaption>") < text.index("between")
    assert text.index("between") < text.index("two</figcaption>")
    assert text == page.html()


def test_long_tables_fold():
    rows = [{"n": i} for i in range(3)]
    assert (
        "<summary>Many (3 rows)</summary>"
        in Page("t").table(rows, "Many", folded=True).html()
    )
    assert "<summary>" not in Page("t").table(rows, "Many").html()
    assert "<table>" not in Page("t").table([], "None").html()
