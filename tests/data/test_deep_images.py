"""Images of more than 8 bits keep their levels, in one range from data to serving."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_hybrid import data
from keras_hybrid.data.check.quick_check import quick_check
from keras_hybrid.data.decode import decode
from keras_hybrid.data.find_pixel_range import find_pixel_range
from keras_hybrid.data.pixel_range import PixelRange
from keras_hybrid.data.read_images import as_input
from tests.data.deep_files import folder, png16, ramp, tiff

pytestmark = pytest.mark.backend_independent

SIDE = 24


def written(tmp_path, *contents, name="x.tif"):
    paths = []
    for i, content in enumerate(contents):
        paths.append(tmp_path / f"{i}{name}")
        paths[-1].write_bytes(content)
    return paths


@pytest.mark.parametrize(
    "values, low, high, guess",
    [
        (ramp(0, 200), 0, 255, True),
        (ramp(3, 1000), 0, 1023, True),
        (ramp(3, 4000), 0, 4095, True),
        (ramp(3, 16000), 0, 16383, True),
        (ramp(3, 40000), 0, 65535, False),
        (ramp(0, 255, "uint32"), 0, 255, True),
        (ramp(0, 4000, "int32"), 0, 4095, True),
        (ramp(0, 255, "float32").round(), 0, 255, True),
        (ramp(0.1, 0.9, "float32"), 0, 1, False),
        (ramp(-1000, 3000, "int16"), -996, 2996, True),
        (ramp(0, 100_000, "int32"), 100, 99_900, True),
        (ramp(-3.5, 7.25, "float32"), -3.489, 7.239, True),
        (ramp(0, 0.01, "float32"), 1e-5, 0.00999, True),
    ],
)
def test_the_range_is_found_in_the_files(tmp_path, values, low, high, guess):
    found = find_pixel_range(written(tmp_path, tiff(values)))
    scale = abs(high - low)
    assert found.range.low == pytest.approx(low, abs=2e-3 * scale)
    assert found.range.high == pytest.approx(high, abs=2e-3 * scale)
    assert found.text.startswith("Warning: ") == guess == ("guess" in found.text)
    assert "1 of 1 images" in found.text and "\n" not in found.text


def test_files_of_8_bits_have_no_range_and_files_may_state_it(tmp_path):
    grey = Image.fromarray(ramp(0, 255)[..., 0].astype("uint8"))
    for name in ("a.png", "b.tif", "c.pgm", "d.jpg"):
        grey.save(tmp_path / name)
    assert find_pixel_range(sorted(tmp_path.iterdir())) is None
    pgm = b"P5 24 24 4095\n" + ramp(0, 1000).astype(">u2").tobytes()
    found = find_pixel_range(written(tmp_path, pgm, name="x.pgm"))
    assert found.range == PixelRange(0, 65535) and "guess" not in found.text
    pixels = decode(io.BytesIO(pgm), (SIDE, SIDE), pixel_range=PixelRange(0, 1023))
    assert pixels.max() == pytest.approx(255 * 1000 / 4095, abs=0.01)
    with pytest.raises(ValueError, match=r"All pixels .* are 7: .* --pixel-range"):
        find_pixel_range(written(tmp_path, tiff(np.full((4, 4, 1), 7, "uint16"))))


FORMS = {
    "png": png16,
    "tiff": tiff,
    "big-endian tiff": lambda x: tiff(x, ">"),
    "deflated tiff": lambda x: tiff(x, deflate=True),
    "deflated big-endian tiff": lambda x: tiff(x, ">", deflate=True),
}


@pytest.mark.parametrize("dtype, high", [("uint16", 4095), ("float32", 1)])
def test_zero_may_be_white(dtype, high, tmp_path):
    values = ramp(0, high, dtype)
    (path,) = written(tmp_path, tiff(values, extra=[(262, 3, [0])]))
    facts = {"pixel_range": (0, high)}
    found = data.read_image(path, (SIDE, SIDE, 1), facts)
    np.testing.assert_allclose(found, 255 - values * (255 / high), atol=1e-3)
    if dtype == "uint16":
        found = data.read_image(path, (SIDE, SIDE, 1), {})
        np.testing.assert_allclose(found, 255 - values / 257.0, atol=0.6)


def test_32_bits_without_a_sign_have_none(tmp_path):
    values = ramp(0, 2**32 - 1, "uint32")
    (path,) = written(tmp_path, tiff(values))
    found = data.read_image(path, (SIDE, SIDE, 1), {"pixel_range": (0, 2**32 - 1)})
    np.testing.assert_allclose(found, values * (255 / (2**32 - 1)), atol=1e-3)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("channels", [1, 3])
def test_all_levels_arrive(form, channels):
    values = ramp(0, 4095, shape=(SIDE, SIDE, channels))
    content = FORMS[form](values)
    found = decode(io.BytesIO(content), (SIDE, SIDE), pixel_range=PixelRange(0, 4095))
    expected = values.astype("float64") * 255 / 4095
    np.testing.assert_allclose(
        found, np.broadcast_to(expected, found.shape), rtol=0, atol=1e-4
    )
    assert found.dtype == "float32" and len(np.unique(found)) > 256


@pytest.mark.parametrize("channels", [2, 4])
def test_transparent_pixels_lie_on_white(channels):
    values = ramp(0, 4095, shape=(SIDE, SIDE, channels))
    values[..., -1] = 65535 * (np.arange(SIDE) < 9)
    found = decode(
        io.BytesIO(png16(values)), (SIDE, SIDE), pixel_range=PixelRange(0, 4095)
    )
    colours = np.broadcast_to(values[..., :-1] * (255 / 4095), (SIDE, SIDE, 3))
    np.testing.assert_allclose(found[:, :9], colours[:, :9], atol=1e-4)
    assert (found[:, 9:] == 255).all()


def test_orientation_is_applied():
    values = ramp(0, 4095, shape=(SIDE, 8, 3))
    content = tiff(values, extra=[(274, 3, [6])])
    found = decode(io.BytesIO(content), (8, SIDE), pixel_range=PixelRange(0, 4095))
    np.testing.assert_allclose(found, np.rot90(values, -1) * (255 / 4095), atol=1e-4)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_data_and_serving_read_the_same_pixels(tmp_path, monkeypatch, lazy, fit):
    root = folder(
        tmp_path, lambda i, label: png16(ramp(0, 4000, seed=i, shape=(SIDE, 30, 3)))
    )
    if lazy:
        for module in ("image_files", "lazy_images"):
            monkeypatch.setattr(f"keras_hybrid.data.{module}.IN_MEMORY", 1000)
    dataset = data.load("folder", root, 16, fit=fit)
    assert dataset.pixel_range == PixelRange(0, 4095)
    assert dataset.train.images.dtype == "float32"
    pixels = dataset.train.images[:]
    assert pixels.dtype == "float32" and 200 < pixels.max() <= 255
    assert len(np.unique(pixels)) > 256
    facts = data.describe_preprocessing(
        data.TRAINING_RESIZE | {"fit": fit, "pixel_range": [0, 4095]}
    )
    assert "255 * (v - 0) / (4095 - 0)" in " ".join(facts["steps"])
    for path, expected in zip(dataset.train.paths, pixels, strict=True):
        found = data.read_image(path, (16, 16, 3), facts)
        np.testing.assert_array_equal(found, expected)
        grey = data.read_image(path, (16, 16, 1), facts)
        np.testing.assert_allclose(
            grey[..., 0], expected @ np.float32([0.299, 0.587, 0.114]), atol=1e-4
        )


def test_other_files_of_the_folder_keep_their_pixels(tmp_path):
    root = folder(tmp_path, lambda i, label: tiff(ramp(0, 1, "float32", seed=i)))
    for i in range(8):
        grey = ramp(0, 255, "uint8", seed=i)[..., 0]
        Image.fromarray(grey).save(root / "dim" / f"{i}.tif")
    dataset = data.load("folder", root, SIDE, pixel_range=(0.0, 2.0))
    assert dataset.pixel_range == PixelRange(0, 2)
    every = np.concatenate([dataset.train.images[:], dataset.test.images[:]])
    labels = np.concatenate([dataset.train.labels, dataset.test.labels])
    dim = every[labels == dataset.class_names.index("dim")]
    assert (dim == dim.round()).all() and dim.max() == 255
    assert every[labels == dataset.class_names.index("bright")].max() == 127.5
    whole = data.load("folder", root, SIDE, pixel_range=(0.0, 1.0))
    assert whole.fingerprint() != dataset.fingerprint()


def test_the_option_needs_such_files(tmp_path):
    grey = io.BytesIO()
    Image.fromarray(ramp(0, 255)[..., 0].astype("uint8")).save(grey, "PNG")
    root = folder(tmp_path, lambda i, label: grey.getvalue())
    with pytest.raises(ValueError, match=r"--pixel-range: all images of .* 8 bits"):
        data.load("folder", root, SIDE, pixel_range=(0, 4095))
    with pytest.raises(ValueError, match="--pixel-range needs a folder, not digits"):
        data.load("digits", pixel_range=(0, 4095))
    with pytest.raises(ValueError, match="LOW < HIGH, not 5 2"):
        data.load("folder", root, SIDE, pixel_range=(5, 2))


def test_arrays_are_read_as_files(tmp_path):
    values = ramp(0, 3000, shape=(SIDE, SIDE, 3))
    facts = {"pixel_range": [0, 4095]}
    (path,) = written(tmp_path, png16(values), name="x.png")
    from_file = data.read_image(path, (16, 16, 3), facts)
    for array in (values, values.astype("float32"), values.astype("int32")):
        found = as_input(array, (16, 16, 3), facts)
        np.testing.assert_allclose(found, from_file, atol=1e-4)
    grey = as_input(values[..., :1], (16, 16, 1), facts)
    assert grey.shape == (16, 16, 1) and grey.dtype == "float32"
    pixels = (values // 12).astype("uint8")
    assert as_input(pixels, (16, 16, 3), facts).dtype == "uint8"
    values = values.astype("float32")
    values[3, 3] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        as_input(values, (16, 16, 3), facts)


def test_float_arrays_are_a_dataset_in_pixels():
    pixels = ramp(0, 255, "float32", (6, 8, 8, 3))
    labels = np.arange(6) % 2

    def dataset(images):
        split = data.Split(images, labels)
        return data.Dataset("x", split, split, ("a", "b"))

    half = dataset(pixels).train.select(np.arange(3))
    assert half.images.dtype == "float32" and half.load_into_memory().images.dtype == (
        "float32"
    )
    for wrong in (pixels / 255, pixels - 1, pixels * 2, pixels * np.nan):
        with pytest.raises(ValueError, match=r"must lie in \[0, 255\]"):
            dataset(wrong)


BAD = {
    "DICOM": (bytes(128) + b"DICM" + bytes(64), "DICOM .*convert it to 16-bit PNG"),
    "float colours": (
        tiff(ramp(0, 1, "float32", (8, 8, 3))),
        "a TIFF of a kind that is not read.*save it as 16-bit RGB",
    ),
    "planes": (
        tiff(ramp(0, 4095, shape=(8, 8, 3)), extra=[(284, 3, [2])]),
        "one plane per channel.*contiguous",
    ),
    "8 bits with a sign": (tiff(ramp(-90, 90, "int8")), "8 bits with a sign"),
    "no number": (
        tiff(np.full((8, 8, 1), np.nan, "float32")),
        "pixels that are not finite",
    ),
    "no range": (tiff(ramp(0, 9, "float32")), "no pixel range.*with 8 or 16 bits"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_read_says_the_cure(kind, tmp_path):
    content, cure = BAD[kind]
    (path,) = written(tmp_path, content)
    facts = {} if kind == "no range" else {"pixel_range": [0, 1]}
    with pytest.raises(ValueError, match=cure) as error:
        data.read_image(path, (8, 8, 3), facts)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    if kind == "no range":
        return  # a folder of such files has one
    good = tiff(ramp(0, 1, "float32"))
    root = folder(tmp_path / "images", lambda i, label: content if i == 3 else good)
    with pytest.raises(ValueError, match=cure) as error:
        data.load("folder", root, SIDE)
    assert "3.tif" in str(error.value) and "\n" not in str(error.value)


def test_a_folder_of_dicom_files_says_the_cure(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.dcm").write_bytes(BAD["DICOM"][0])
    with pytest.raises(ValueError, match=r"1 \.dcm.*convert it to 16-bit PNG or TIFF"):
        data.load("folder", tmp_path, SIDE)


@pytest.mark.parametrize("suffix", ["gif", "tif", "webp", "png"])
def test_the_first_of_several_frames_is_read_and_said(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    for label in "ab":
        (tmp_path / label).mkdir()
        for i in range(3):
            frames[0].save(
                tmp_path / label / f"{i}.{suffix}",
                save_all=True,
                append_images=frames[1:],
                **({"lossless": True} if suffix == "webp" else {}),
            )
    with pytest.warns(UserWarning, match="0.* has 3 frames or pages; the first"):
        pixels = data.read_image(tmp_path / "a" / f"0.{suffix}", (8, 8, 3), {})
    assert (pixels == [255, 0, 0]).all()
    (line,) = [x for x in quick_check(tmp_path) if "frames" in x]
    assert "6 of 6 images" in line and "take the first" in line
    (finding,) = [x for x in data.check_folder(tmp_path).findings if x.kind == "frames"]
    assert len(finding.groups) == 6


def test_a_dark_file_is_a_guess_without_a_range(tmp_path):
    (path,) = written(tmp_path, tiff(ramp(0, 4095)))
    with pytest.warns(UserWarning, match="less than 14 bits.* no pixel range"):
        data.read_image(path, (SIDE, SIDE, 3), {})


def test_the_check_of_a_folder_reads_them(tmp_path):
    root = folder(tmp_path, lambda i, label: tiff(ramp(0, 50, "float32", seed=i)))
    check = data.check_folder(root)
    assert check.images == 16
    assert not [x for x in check.findings if x.kind in ("blank", "unreadable")]
