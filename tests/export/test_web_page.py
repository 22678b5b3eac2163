"""The page in a browser: the answers of `predict`, heat maps, no request elsewhere."""

import base64
import contextlib
import io
import shutil
import threading
import time

import numpy as np
import pytest
from PIL import Image

from keras_hybrid.data.read_images import read_image
from keras_hybrid.export.runtime import open_exported
from keras_hybrid.export.web import runtime_files, serve
from tests.export.web_page import CARD, written_page

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.backend_independent,
    pytest.mark.skipif(not CHROMIUM, reason="needs chromium"),
    pytest.mark.skipif(
        not runtime_files.cache_folder().is_dir(), reason="needs ONNX Runtime Web"
    ),
]
DROP = """
(files) => {
  const transfer = new DataTransfer();
  for (const [name, type, content] of files) {
    const bytes = Uint8Array.from(atob(content), (x) => x.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  const event = { dataTransfer: transfer, bubbles: true, cancelable: true };
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", event));
}
"""


def odd_images():
    """Images by name; the browser reads all but the last pixel for pixel as Pillow."""
    rng = np.random.default_rng(0)

    def noise(*shape):
        return rng.integers(0, 256, shape, dtype="uint8")

    smooth = Image.fromarray(noise(5, 7, 3)).resize(
        (300, 200), Image.Resampling.BICUBIC
    )
    turned = Image.Exif()
    turned[0x0112] = 6
    return {
        "long.png": (Image.fromarray(noise(40, 900, 3)), {}),
        "tall.png": (Image.fromarray(noise(1100, 35, 3)), {}),
        "tiny.png": (Image.fromarray(noise(3, 2, 3)), {}),
        "grey.png": (Image.fromarray(noise(70, 50)), {}),
        "palette.png": (smooth.quantize(16), {}),
        "bits.png": (Image.fromarray(noise(60, 60)).convert("1"), {}),
        "turned.png": (smooth, {"exif": turned}),
        "clear.png": (Image.fromarray(noise(50, 60, 4), "RGBA"), {}),
        "lossless.webp": (smooth, {"lossless": True}),
        "قطة photo.jpg": (smooth, {"quality": 90, "exif": turned}),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written_page(tmp_path_factory.mktemp("page"))


@contextlib.contextmanager
def opened(folder):
    """The page in a browser, and the addresses that it asked for."""
    server = serve.page_server(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 360, "height": 740})
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(serve.address(server))
        wait(page, "document.documentElement.dataset.ready")
        yield page
        browser.close()
    server.shutdown()
    server.server_close()
    assert not errors
    outside = [x for x in asked if not x.startswith((serve.address(server), "blob:"))]
    assert not [x for x in outside if not x.startswith("data:")]


def wait(page, expression):
    """Until an expression is true; the page's policy forbids the usual way."""
    end = time.monotonic() + 120
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        time.sleep(0.05)


def drop(page, files):
    """Drops files (name, type, content) and waits for their answers."""
    before = page.evaluate("classifier.results.length")
    encoded = [[n, t, base64.b64encode(c).decode()] for n, t, c in files]
    page.evaluate(DROP, encoded)
    wait(page, f"classifier.results.length === {before + len(files)}")
    wait(page, "document.getElementById('progress').hidden")
    return page.evaluate(
        "classifier.results.map((x) => ({ name: x.file.name, error: x.error, "
        "logits: x.outputs?.logits.data, heading: x.found?.heading }))"
    )[before:]


def test_the_page_answers_as_predict(folder, tmp_path):
    files = []
    for name, (image, options) in odd_images().items():
        image.save(tmp_path / name, **options)
        kind = f"image/{name.rpartition('.')[2]}".replace("jpg", "jpeg")
        files.append((name, kind, (tmp_path / name).read_bytes()))
    run, shape = open_exported(folder)
    inputs = [
        read_image(tmp_path / name, shape, CARD["preprocessing"]) for name, *_ in files
    ]
    expected = run(np.stack(inputs))["logits"]
    with opened(folder) as page:
        found = drop(page, files)
    assert [x["name"] for x in found] == [name for name, *_ in files]
    assert not [x["error"] for x in found if x["error"]]
    logits = np.array([x["logits"] for x in found])
    names = [CARD["class_names"][i] for i in expected.argmax(-1)]
    assert [x["heading"] for x in found] == names and len(set(names)) > 1
    differences = np.abs(logits - expected).max(-1)
    print(dict(zip([x["name"] for x in found], differences, strict=True)))
    assert differences[:-1].max() < 1e-3
    assert differences[-1] < 0.02  # browsers round JPEG in their own way


def png(image):
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()


def test_what_a_person_can_do(folder):
    image = png(Image.effect_noise((90, 60), 90).convert("RGB"))
    with opened(folder) as page:
        assert page.evaluate("document.title") == "animals: model"
        assert "once" in page.inner_text("#download")
        drop(page, [("photo.png", "image/png", image), ("text.png", "image/png", b"x")])
        assert "cannot read the file" in page.inner_text("#status")
        assert page.inner_text("#answer") in CARD["class_names"]
        assert page.evaluate("document.activeElement.id") == "answer"
        assert page.locator("#classes li").count() == 5
        assert page.locator("#rows tr").count() == 2
        lines = page.evaluate("classifier.csv()").splitlines()
        assert lines[0].startswith("file,class,probability,class_2") and len(lines) == 3
        assert lines[2].endswith("This browser cannot read the file as an image.")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360  # nothing scrolls sideways on a phone
        plain = page.evaluate("document.getElementById('picture').toDataURL()")
        shown = {plain}
        for kind in ("rollout", "occlusion"):
            page.check(f"input[value={kind}]")
            wait(page, "document.getElementById('explained').textContent")
            start = {"rollout": "Attention", "occlusion": "How much"}[kind]
            text = "document.getElementById('explained').textContent"
            wait(page, f"{text}.startsWith({start!r})")
            shown.add(page.evaluate("document.getElementById('picture').toDataURL()"))
        assert len(shown) == 3
        unnamed = page.evaluate(
            "[...document.querySelectorAll('button, input, select, [role=img]')].filter("
            "(x) => !(x.labels?.length || x.textContent.trim() || "
            "x.getAttribute('aria-label') || x.getAttribute('aria-hidden'))).length"
        )
        assert unnamed == 0


def test_smaller_files_and_no_network(folder):
    image = png(Image.effect_noise((90, 60), 90).convert("RGB"))
    with opened(folder) as page:
        (exact,) = drop(page, [("photo.png", "image/png", image)])
        wait(page, "navigator.serviceWorker.controller !== null")
        page.locator("summary").click()
        page.select_option("#model", "2")
        logits = "classifier.results[0].outputs.logits.data"
        wait(page, f"{logits}[0] !== {exact['logits'][0]}")
        wait(page, "!document.getElementById('status').textContent")
        assert page.evaluate("classifier.results.length") == 1
        assert "processor" in page.inner_text("#machine")
        integer = page.evaluate(logits)
        assert 1e-4 < np.abs(np.subtract(integer, exact["logits"])).max() < 0.5
        wait(page, "document.getElementById('progress').hidden")
        page.wait_for_timeout(500)
        page.context.set_offline(True)
        page.reload()
        wait(page, "document.documentElement.dataset.ready")
        assert page.evaluate("crossOriginIsolated")
        (again,) = drop(page, [("photo.png", "image/png", image)])
        np.testing.assert_allclose(again["logits"], exact["logits"], 0, 1e-5)
