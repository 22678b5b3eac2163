"""Kinds of image files, for docs/inputs.md: two classes of five images of each kind."""

import io

import numpy as np
from PIL import Image

from tests.data.deep_files import png16, ramp, tiff
from tests.docs.input_folders import case

PIXELS = "Kinds of image files, ten of each"


def kind(text, suffix):
    """Registers a function of a number that returns the content of a file."""

    def register(make):
        def both(root):
            for i in range(10):
                path = root / ("ant", "bee")[i % 2] / f"{i}.{suffix}"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(make(i))

        case(PIXELS, text)(both)
        return make

    return register


def pixels(seed, channels):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (8, 8, channels), dtype="uint8")


def saved(image, suffix, **options):
    content = io.BytesIO()
    image.save(content, suffix, **options)
    return content.getvalue()


@kind("palette with a transparent entry: GIF", "gif")
def palette(seed):
    image = Image.fromarray(pixels(seed, 3)).quantize(16)
    return saved(image, "gif", transparency=3)


@kind("grey with alpha: PNG", "png")
def grey_with_alpha(seed):
    return saved(Image.fromarray(pixels(seed, 2), "LA"), "png")


@kind("CMYK: JPEG", "jpg")
def cmyk(seed):
    return saved(Image.fromarray(pixels(seed, 4), "CMYK"), "jpeg")


@kind("black and white, one bit: PNG", "png")
def one_bit(seed):
    return saved(Image.fromarray(pixels(seed, 1)[..., 0] > 127), "png")


@kind("turned by EXIF: JPEG", "jpg")
def turned(seed):
    exif = Image.Exif()
    exif[274] = 6
    return saved(Image.fromarray(pixels(seed, 3)), "jpeg", exif=exif)


@kind("animated: GIF", "gif")
def animated(seed):
    frames = [Image.fromarray(pixels(seed + 100 * i, 3)) for i in range(3)]
    return saved(frames[0], "gif", save_all=True, append_images=frames[1:])


@kind("several pages: TIFF", "tif")
def pages(seed):
    frames = [Image.fromarray(pixels(seed + 100 * i, 3)) for i in range(3)]
    return saved(frames[0], "tiff", save_all=True, append_images=frames[1:])


@kind("10 bits in 16, grey: PNG", "png")
def ten_bits(seed):
    return png16(ramp(0, 1000, seed=seed))


@kind("12 bits in 16, grey: TIFF", "tif")
def twelve_bits(seed):
    return tiff(ramp(0, 4000, seed=seed))


@kind("14 bits in 16, RGB: TIFF", "tif")
def fourteen_bits(seed):
    return tiff(ramp(0, 16000, seed=seed, shape=(8, 8, 3)))


@kind("16 bits, RGB with alpha: PNG", "png")
def sixteen_bits(seed):
    return png16(ramp(0, 65000, seed=seed, shape=(8, 8, 4)))


@kind("8 bits in 32: TIFF", "tif")
def eight_in_32(seed):
    return tiff(ramp(0, 255, "uint32", seed=seed))


@kind("floating-point in [0, 1], grey: TIFF", "tif")
def unit_floats(seed):
    return tiff(ramp(0.1, 0.9, "float32", seed=seed))


@kind("floating-point in other units, grey: TIFF", "tif")
def floats(seed):
    return tiff(ramp(-3.5, 7.25, "float32", seed=seed))


@kind("floating-point, RGB: TIFF", "tif")
def float_colors(seed):
    return tiff(ramp(0, 1, "float32", seed=seed, shape=(8, 8, 3)))


@kind("DICOM", "png")
def dicom(seed):
    return bytes(128) + b"DICM" + bytes([seed]) * 64
