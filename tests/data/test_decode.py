"""Every kind of image file becomes the 8-bit RGB pixels that it shows."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_hybrid.data.decode import decode, from_array, size_of

pytestmark = pytest.mark.backend_independent

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 16), dtype="uint8")
COLOUR = RNG.integers(0, 256, (12, 16, 3), dtype="uint8")


def stored(image, format="PNG", **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    file.seek(0)
    return file


def pixels(image, format="PNG", size=(12, 16), **options):
    return decode(stored(image, format, **options), size)


def thrice(grey):
    return np.repeat(grey[..., None], 3, -1)


def test_colour_and_grey_are_exact():
    np.testing.assert_array_equal(pixels(Image.fromarray(COLOUR)), COLOUR)
    np.testing.assert_array_equal(pixels(Image.fromarray(GREY)), thrice(GREY))
    black_and_white = GREY > 127
    np.testing.assert_array_equal(
        pixels(Image.fromarray(black_and_white)), thrice(255 * black_and_white)
    )


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_16_bits_are_scaled_not_clipped(format):
    deep = (GREY.astype("uint16") * 257).clip(0, 65535)
    found = pixels(Image.fromarray(deep), format)
    np.testing.assert_array_equal(found, thrice(GREY))
    dim = np.full((12, 16), 385, "uint16")  # clipped to 8 bits it would be white
    assert pixels(Image.fromarray(dim), format).max() == 1


def test_numbers_without_a_range_are_refused():
    deep = Image.fromarray(GREY.astype("float32"))
    with pytest.raises(ValueError, match="float32 pixels have no stated range"):
        pixels(deep, "TIFF")
    deep = Image.fromarray(GREY.astype("int32") * 1000)
    with pytest.raises(ValueError, match="int32 pixels have no stated range"):
        pixels(deep, "TIFF")


def test_transparent_pixels_lie_on_white():
    alpha = np.where(np.arange(16) < 8, 0, 255).astype("uint8")
    alpha = np.broadcast_to(alpha, (12, 16))
    expected = np.where(alpha[..., None] == 0, 255, COLOUR)
    image = Image.fromarray(np.dstack([COLOUR, alpha]))
    np.testing.assert_array_equal(pixels(image), expected)
    image = Image.fromarray(np.dstack([GREY, alpha]), mode="LA")
    expected = np.where(alpha == 0, 255, GREY)
    np.testing.assert_array_equal(pixels(image), thrice(expected))


def test_palettes_are_looked_up():
    image = Image.fromarray(COLOUR).quantize(7)
    np.testing.assert_array_equal(pixels(image), np.asarray(image.convert("RGB")))
    hole = stored(image, transparency=3)
    expected = np.asarray(image.convert("RGB")).copy()
    expected[np.asarray(image) == 3] = 255
    np.testing.assert_array_equal(decode(hole, (12, 16)), expected)


def test_cmyk():
    image = Image.new("CMYK", (16, 12), (0, 255, 255, 0))
    np.testing.assert_allclose(
        pixels(image, "JPEG", quality=95)[5, 5], [255, 0, 0], atol=4
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turn = {
        1: lambda x: x,
        2: lambda x: x[:, ::-1],
        3: lambda x: x[::-1, ::-1],
        4: lambda x: x[::-1],
        5: lambda x: x.swapaxes(0, 1),
        6: lambda x: np.rot90(x, -1),
        7: lambda x: np.rot90(x.swapaxes(0, 1), 2),
        8: lambda x: np.rot90(x),
    }[orientation]
    file = stored(Image.fromarray(COLOUR), exif=exif)
    upright = turn(COLOUR)
    assert size_of(file) == upright.shape[:2]
    file.seek(0)
    np.testing.assert_array_equal(decode(file, upright.shape[:2]), upright)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_sizes_are_read_without_decoding(format, monkeypatch):
    file = stored(Image.fromarray(COLOUR), format)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    assert size_of(file) == (12, 16)


@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (41, 97), (5, 7)])
def test_short_side_resized_and_centre_cropped(shape):
    """A ramp along the long side keeps the values of its middle."""
    height, width = shape
    ramp = np.linspace(0, 255, max(shape))
    ramp = np.broadcast_to(ramp if width >= height else ramp[:, None], shape)
    found = pixels(Image.fromarray(ramp.round().astype("uint8")), size=(20, 20))
    assert found.shape == (20, 20, 3)
    along = found[10, :, 0] if width >= height else found[:, 10, 0]
    share = min(shape) / (max(shape) - 1)
    expected = 127.5 + 255 * share * ((np.arange(20) + 0.5) / 20 - 0.5)
    np.testing.assert_allclose(along[2:-2], expected[2:-2], atol=2)


def test_shrinking_is_antialiased():
    stripes = np.tile(np.uint8([0, 255]), (64, 32))
    found = pixels(Image.fromarray(stripes), size=(8, 8))
    np.testing.assert_allclose(found, 127, atol=6)


def test_a_sliver_needs_no_memory():
    """1x50,000 pixels to 64: resized whole it would have 64x3,200,000."""
    sliver = Image.new("RGB", (50_000, 1), (9, 8, 7))
    assert (pixels(sliver, size=(64, 64)) == [9, 8, 7]).all()


def test_a_bomb_is_not_decoded(monkeypatch):
    file = stored(Image.new("RGB", (300, 200)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 59_999)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with (
        pytest.warns(Image.DecompressionBombWarning),
        pytest.raises(ValueError, match=r"300x200 pixels.*decompression bomb"),
    ):
        decode(file, (8, 8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000)
    with pytest.raises(Image.DecompressionBombError):
        decode(file, (8, 8))


def test_arrays():
    np.testing.assert_array_equal(from_array(GREY[..., None]), thrice(GREY))
    deep = COLOUR.astype("uint16") * 257
    np.testing.assert_array_equal(from_array(deep), COLOUR)
    with pytest.raises(ValueError, match="not 2"):
        from_array(COLOUR[..., :2])
