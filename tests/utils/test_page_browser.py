"""Tables, galleries and charts of a page, as a person uses them in a browser."""

import math

import numpy as np
import pytest

from keras_hybrid.data.small_jpeg import pixels_jpeg
from keras_hybrid.utils.page import Line, Page, Picture
from tests.browser import opened

pytestmark = pytest.mark.backend_independent
CLASSES = ("ant", '<b>"bee"</b>', "cat & dog")
LONG = "a_name_of_a_class_without_any_blank_" * 3


def picture(true, predicted, note=""):
    pixels = np.full((8, 8, 3), 10 * true + predicted, "uint8")
    names = {"true class": CLASSES[true], "predicted class": CLASSES[predicted]}
    return Picture(f"{true} to {predicted}", names, note, pixels_jpeg(pixels, 8, 80))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    page = Page("What a <run> left")
    rows = [
        {"class": "ant", "images": 1234, "recall": "9.5%", "note": "b"},
        {"class": "bee 10", "images": 7, "recall": "100.0%", "note": "a"},
        {"class": "bee 9", "images": 80, "recall": "-", "note": LONG},
    ]
    page.section("Classes").table(rows, "Every class.")
    page.table([{"x": 1, "y": "a"}, {"x": 2, "y": "b"}], "Too short to sort.")
    losses = [2.0, 1.5, math.nan, 0.75]
    page.section("Curves").chart(
        [
            Line("training </script>", [1, 2, 3, 4], losses),
            Line("validation", [1, 2], [0.5, 0.25]),
            Line("never", [1], [math.nan]),
        ],
        "epoch",
        "loss",
    )
    page.chart([Line("never", [1], [math.nan])], "epoch", "accuracy")
    found = [picture(0, 1, "ant/1.jpg"), picture(0, 2), picture(1, 2), picture(0, 1)]
    page.section("Mistakes").gallery(found, "All of them.", pixelated=True)
    return page.write(tmp_path_factory.mktemp("page") / "page.html")


def column(page, number):
    cells = page.locator(f"table >> nth=0 >> tbody tr > :nth-child({number})")
    return cells.all_inner_texts()


def test_a_table_is_sorted_by_its_headings(browser, path):
    with opened(browser, path) as page:
        heads = page.locator("table >> nth=0 >> th button")
        assert heads.count() == 4
        assert page.locator("table >> nth=1 >> th button").count() == 0
        heads.nth(1).click()
        assert column(page, 2) == ["7", "80", "1,234"]
        heads.nth(1).click()
        assert column(page, 2) == ["1,234", "80", "7"]
        heads.nth(2).click()  # percentages; what is missing comes last
        assert column(page, 3) == ["9.5%", "100.0%", "-"]
        heads.nth(2).press("Enter")
        assert column(page, 3) == ["100.0%", "9.5%", "-"]
        sorts = page.locator("table >> nth=0 >> thead th").evaluate_all(
            "(heads) => heads.map((x) => x.ariaSort)"
        )
        assert sorts == ["none", "none", "descending", "none"]
        heads.nth(2).click()
        heads.nth(0).click()  # text with numbers in it
        assert column(page, 1) == ["ant", "bee 9", "bee 10"]


def test_a_gallery_is_filtered_by_both_classes(browser, path):
    with opened(browser, path) as page:
        true, predicted = (
            page.get_by_label("true class"),
            page.get_by_label("predicted"),
        )
        shown = page.locator(".gallery li:visible p:first-of-type")
        status = page.get_by_role("status")
        assert status.inner_text() == "4 of 4 pictures"
        true.select_option(label="ant (3)")
        assert shown.all_inner_texts() == ["0 to 1", "0 to 2", "0 to 1"]
        assert predicted.locator("option").all_inner_texts() == [
            "all",
            '<b>"bee"</b> (2)',
            "cat & dog (1)",
        ]
        predicted.select_option(label="cat & dog (1)")
        assert shown.all_inner_texts() == ["0 to 2"]
        assert status.inner_text() == "1 of 4 pictures"
        page.get_by_role("button", name="All of them").click()
        assert shown.count() == 4
        true.select_option(label='<b>"bee"</b> (1)')
        disabled = predicted.locator("option:disabled").all_inner_texts()
        assert disabled == ['<b>"bee"</b> (0)']
        assert page.get_by_alt_text("ant/1.jpg").count() == 1


def test_a_chart_is_read_by_keys_and_pointer(browser, path):
    with opened(browser, path) as page:
        slider = page.get_by_role("slider")
        reading = page.locator("output")
        said = "epoch 2: training </script> 1.5, validation 0.25"
        assert reading.inner_text() == said  # the last point of the shorter line
        slider.press("End")
        assert reading.inner_text() == "epoch 4: training </script> 0.75"
        slider.press("Home")
        assert reading.inner_text() == ("epoch 1: training </script> 2, validation 0.5")
        slider.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") == said
        box = page.locator(".chart > svg").bounding_box()
        left, top, right, _ = (x * box["width"] / 420 for x in (54, 12, 410, 0))
        page.mouse.move(box["x"] + left + 2, box["y"] + top + 5)
        assert reading.inner_text().startswith("epoch 1:")
        page.mouse.move(box["x"] + right, box["y"] + top + 5)
        assert reading.inner_text().startswith("epoch 4:")
        assert page.locator(".cursor circle").count() == 1
        assert "There is no accuracy to draw." in page.content()


def test_many_pictures_are_shown_some_at_a_time(browser, tmp_path):
    pictures = [picture(i % 3, (i + 1 + i // 100) % 3) for i in range(150)]
    path = Page("Many").gallery(pictures).write(tmp_path / "many.html")
    with opened(browser, path) as page:
        shown = page.locator(".gallery li:visible")
        more = page.get_by_role("button", name="More pictures")
        assert shown.count() == 60
        assert page.get_by_role("status").inner_text() == "150 of 150 pictures"
        more.click()
        assert shown.count() == 120
        page.get_by_label("true class").select_option(label="ant (50)")
        assert shown.count() == 50 and not more.is_visible()


@pytest.mark.parametrize("width", [320, 1200])
def test_nothing_is_wider_than_the_screen(browser, path, width):
    with opened(browser, path, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True])
def test_letters_and_lines_have_contrast(browser, path, dark):
    """WCAG 2.2: 4.5 to 1 for text, 3 to 1 for lines of charts."""
    colours = """() => {
      const style = getComputedStyle(document.documentElement);
      const names = ["ground", "band", "ink", "soft", "link"];
      for (let i = 0; i < 6; i++) names.push("line" + i);
      return Object.fromEntries(names.map((x) => [x, style.getPropertyValue("--" + x)]));
    }"""
    with opened(browser, path, dark=dark) as page:
        found = {
            name: luminance(x.strip()) for name, x in page.evaluate(colours).items()
        }
    for ground in ("ground", "band"):
        for name in ("ink", "soft", "link"):
            assert contrast(found[name], found[ground]) >= 4.5, (name, ground)
    for i in range(6):
        assert contrast(found[f"line{i}"], found["ground"]) >= 3, i


def luminance(colour):
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in values
    ]
    return np.dot(linear, (0.2126, 0.7152, 0.0722))


def contrast(first, second):
    low, high = sorted((first, second))
    return (high + 0.05) / (low + 0.05)
