"""Every operation of augmentation against its formula, on the backend's pixels."""

import keras
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from keras_hybrid.data import Augmentation, Batches, Split, affine, rand_augment
from keras_hybrid.data.apply_augmentation import augment
from keras_hybrid.data.sample_augmentation import swap_neighbors

SIZE = 12, 16  # nowhere square


def pictures(count=8, size=SIZE, seed=0):
    """Random colours that vary smoothly, so that interpolation is mild."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 4, 4, 3)).astype("uint8")
    fine = [Image.fromarray(x).resize(size[::-1], Image.BICUBIC) for x in coarse]
    return np.stack(fine)


def pixels(images, fill=0.0, **draws):
    return keras.ops.convert_to_numpy(augment(images, draws, fill))


def draw(batch=8, size=SIZE, seed=0, **settings):
    return Augmentation(**settings).sample(np.random.default_rng(seed), batch, *size)


def test_nothing_changes_nothing():
    draws, own = draw()
    assert draws == {} and (own == 1).all()
    np.testing.assert_array_equal(pixels(pictures()), pictures())


def test_padding_shifts_each_image_by_its_own_draw():
    images = pictures(64) // 2 + 100
    draws, _ = draw(64, padding=2)
    cropped = pixels(images, **draws)
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    indices = set()
    for image, out in zip(padded, cropped, strict=True):
        (place,) = [
            (i, j)
            for i in range(5)
            for j in range(5)
            if np.array_equal(image[i : i + 12, j : j + 16], out)
        ]
        indices.add(place)
    assert len(indices) > 15


@pytest.mark.parametrize("field, axis", [("horizontal_flip", 2), ("vertical_flip", 1)])
def test_flips_turn_about_half(field, axis):
    images = pictures(200)
    out = pixels(images, **draw(200, **{field: True})[0])
    turned = (out == np.flip(images, axis)).all((1, 2, 3))
    assert ((out == images).all((1, 2, 3)) != turned).all()
    assert 70 < turned.sum() < 130


def test_rotation_is_pillows():
    images = pictures()
    degrees = np.linspace(-170, 170, 8)
    maps = affine.compose([affine.rotation(degrees, *SIZE)])
    out = pixels(images, fill=7.0, affine=maps)
    for image, angle, found in zip(images, degrees, out, strict=True):
        expected = Image.fromarray(image).rotate(
            angle, Image.BILINEAR, fillcolor=(7, 7, 7)
        )
        # at the rim Pillow interpolates only where all four pixels are inside
        assert np.mean(abs(found - np.asarray(expected)) > 1.01) < 0.12


def test_resized_crop_keeps_its_share_and_fills_nothing():
    rng = np.random.default_rng(0)
    maps = affine.resized_crop(rng, 4000, 64, 48, (0.2, 0.7))
    across, down = maps[:, 0, 0], maps[:, 1, 1]
    area = across * down
    assert 0.19 < area.min() < 0.21 and 0.69 < area.max() < 0.71
    np.testing.assert_allclose(area.mean(), 0.45, atol=0.01)
    ratio = across * 48 / (down * 64)
    assert 0.72 < ratio.min() < 0.77 and 1.30 < ratio.max() < 1.39
    for size, scale, start in ((48, across, maps[:, 0, 2]), (64, down, maps[:, 1, 2])):
        left = start - scale / 2 + 0.5  # edges of what is read, in whole pixels
        np.testing.assert_allclose(left, np.round(left), atol=1e-9)
        assert (left > -1e-9).all() and (left + scale * size < size + 1e-9).all()


def test_resized_crop_is_pillows_resize():
    images = pictures(8)
    draws, _ = draw(random_crop=(0.3, 0.9))
    out = pixels(images, fill=255.0, **draws)
    for image, (a, _, x, _, d, y), found in zip(
        images, draws["affine"], out, strict=True
    ):
        left, top = x - a / 2 + 0.5, y - d / 2 + 0.5
        box = (left, top, left + a * 16, top + d * 12)
        crop = Image.fromarray(image).crop([round(float(edge)) for edge in box])
        expected = np.asarray(crop.resize((16, 12), Image.BILINEAR))
        # beyond the box Pillow repeats its edge, this reads what is there
        close = abs(found - expected) < 1.01
        assert close[2:-2, 2:-2].all()


def test_maps_are_composed_in_order():
    images = pictures()
    steps = (
        draw(padding=1)[0]["affine"],
        draw(horizontal_flip=True, seed=1)[0]["affine"],
    )
    one_by_one = pixels(pixels(images, affine=steps[0]), affine=steps[1])
    full = [np.zeros((8, 3, 3)) for _ in steps]
    for matrix, rows in zip(full, steps, strict=True):
        matrix[:, :2], matrix[:, 2, 2] = rows.reshape(8, 2, 3), 1
    both = pixels(images, affine=affine.compose(full))
    np.testing.assert_allclose(both, one_by_one, atol=1e-3)
    assert (
        one_by_one != pixels(pixels(images, affine=steps[1]), affine=steps[0])
    ).any()


LEVEL = 0.6
PILLOW = {
    "brightness": lambda x: ImageEnhance.Brightness(x).enhance(1.54),
    "contrast": lambda x: ImageEnhance.Contrast(x).enhance(1.54),
    "color": lambda x: ImageEnhance.Color(x).enhance(1.54),
    "sharpness": lambda x: ImageEnhance.Sharpness(x).enhance(1.54),
    "autocontrast": ImageOps.autocontrast,
    "equalize": ImageOps.equalize,
    "invert": ImageOps.invert,
    "solarize": lambda x: ImageOps.solarize(x, 256 - 153),
    "solarize_add": lambda x: x.point(lambda v: min(v + 66, 255) if v < 128 else v),
    "posterize": lambda x: ImageOps.posterize(x, 2),
    "shear_x": lambda x: x.transform(
        x.size, Image.AFFINE, (1, 0.18, 0, 0, 1, 0), Image.BILINEAR
    ),
    "shear_y": lambda x: x.transform(
        x.size, Image.AFFINE, (1, 0, 0, 0.18, 1, 0), Image.BILINEAR
    ),
    "translate_x": lambda x: x.transform(
        x.size, Image.AFFINE, (1, 0, 0.27 * 40, 0, 1, 0), Image.BILINEAR
    ),
    "translate_y": lambda x: x.transform(
        x.size, Image.AFFINE, (1, 0, 0, 0, 1, 0.27 * 40), Image.BILINEAR
    ),
    "rotate": lambda x: x.rotate(18, Image.BILINEAR),
}


@pytest.mark.parametrize("name", rand_augment.OPERATIONS)
def test_operations_are_pillows(name):
    images = pictures(4, (40, 40)) // 2 + 60  # not the whole range
    images += np.random.default_rng(1).integers(0, 20, images.shape).astype("uint8")
    kind = np.full((4, 2), -1)
    kind[:, 1] = rand_augment.OPERATIONS.index(name)
    kind[0, 1] = -1  # one image of the batch gets nothing
    choice = rand_augment.Choice(kind, np.full((4, 2), LEVEL), np.ones((4, 2)))
    matrices = affine.compose(rand_augment.affine_matrices(choice, 40, 40))
    out = pixels(images, affine=matrices, color=rand_augment.color_parameters(choice))
    np.testing.assert_array_equal(out[0], images[0])
    for image, found in zip(images[1:], out[1:], strict=True):
        expected = np.asarray(PILLOW[name](Image.fromarray(image)), "float32")
        assert abs(expected - image).mean() > 1
        inner = (slice(None), slice(None))
        if name == "rotate":
            inner = np.hypot(*(np.mgrid[:40, :40] - 19.5)) < 18
        elif name.startswith(("shear", "translate")):
            inner = expected.sum(-1) > 0
            inner[[0, -1]], inner[:, [0, -1]] = False, False
            inner &= np.roll(inner, 1, 0) & np.roll(inner, -1, 0)
            inner &= np.roll(inner, 1, 1) & np.roll(inner, -1, 1)
        # Pillow rounds, the grey of a blend too, and reads in fixed point
        np.testing.assert_allclose(found[inner], expected[inner], atol=1.3)


def test_rand_augment_draws_as_published():
    choice = rand_augment.sample(np.random.default_rng(0), (20000, 2), 9.0)
    counts = np.bincount(choice.kind.ravel() + 1, minlength=16) / 40000
    np.testing.assert_allclose(counts, [0.5] + [0.5 / 15] * 15, atol=0.01)
    assert choice.level.max() == 1 and abs(choice.level.mean() - 0.898) < 0.003
    assert abs(choice.sign.mean()) < 0.02
    # each image has its own
    assert len(np.unique(choice.kind, axis=0)) == 16**2


def test_jitter_changes_three_things_in_every_order():
    rng = np.random.default_rng(0)
    choice = rand_augment.sample_jitter(rng, 600, 0.4)
    orders, counts = np.unique(choice.kind, axis=0, return_counts=True)
    assert len(orders) == 6 and counts.min() > 60
    factor = rand_augment.color_parameters(choice)[..., 0]
    assert 0.6 <= factor.min() < 0.61 and 1.39 < factor.max() <= 1.4
    images = pictures(4)
    draws, _ = draw(4, color_jitter=0.4)
    expected = images.astype("float64")
    for stage in range(3):
        for n, row in enumerate(draws["jitter"][:, stage]):
            f, to_mean, to_grey = row[:3]
            grey = expected[n] @ [0.299, 0.587, 0.114]
            other = to_mean * np.round(grey.mean()) + to_grey * grey[..., None]
            expected[n] = np.clip(f * expected[n] + (1 - f) * other, 0, 255)
    np.testing.assert_allclose(pixels(images, **draws), expected, atol=0.01)


def test_erasing_fills_boxes_of_the_published_sizes():
    draws, _ = draw(4000, (40, 40), random_erasing=0.25)
    top, left, bottom, right = draws["erase"].T
    erased = bottom > top
    assert 0.23 < erased.mean() < 0.27
    area = ((bottom - top) * (right - left))[erased] / 1600
    assert area.min() > 0.015 and 0.3 < area.max() < 0.36
    assert abs(area.mean() - 0.17) < 0.015
    assert min(top.min(), left.min()) == 0 and max(bottom.max(), right.max()) <= 40
    images = pictures(16, (40, 40))
    draws, _ = draw(16, (40, 40), random_erasing=0.7)
    out = pixels(images, **draws)
    noise = []
    for image, (a, b, c, d), found in zip(images, draws["erase"], out, strict=True):
        noise.append(found[a:c, b:d].copy().ravel())
        found[a:c, b:d] = image[a:c, b:d]
        np.testing.assert_array_equal(found, image)
    every = np.concatenate(noise)
    assert abs(every.mean() - 127.5) < 3 and abs(every.std() - 55) < 4
    assert len(np.unique(every)) > 0.3 * every.size


@pytest.mark.parametrize("fields", [{"mixup": 0.8}, {"cutmix": 1.0}])
def test_mixed_pixels_and_labels_agree(fields):
    """Constant images whose value is their own label: the mean is the label's."""
    value = np.arange(8) * 30.0
    images = np.broadcast_to(value[:, None, None, None], (8, *SIZE, 3))
    for seed in range(5):
        draws, own = draw(seed=seed, **fields)
        assert len(set(own)) == 1 and 0 <= own[0] <= 1
        out = pixels(images, **draws)
        labels = own[:, None] * np.eye(8) + (1 - own[:, None]) * swap_neighbors(
            np.eye(8)
        )
        np.testing.assert_allclose(out.mean((1, 2, 3)), labels @ value, atol=1e-3)
        if "cutmix" in fields:  # a box of the neighbour, the rest untouched
            a, b, c, d = draws["bbox"][0]
            box = np.zeros(SIZE, bool)
            box[a:c, b:d] = True
            expected = np.where(
                box[None, :, :, None], images[[1, 0, 3, 2, 5, 4, 7, 6]], images
            )
            np.testing.assert_array_equal(out, expected)
            np.testing.assert_allclose(1 - own[0], box.mean(), atol=1e-6)


def test_mixing_weights_are_beta():
    rng = np.random.default_rng(0)
    size = 224, 160
    mixed = Augmentation(mixup=0.8)
    own = np.array([mixed.sample(rng, 2, *size)[1][0] for _ in range(3000)])
    np.testing.assert_allclose(own.mean(), 0.5, atol=0.02)
    np.testing.assert_allclose(own.var(), 0.25 / 2.6, atol=0.006)  # of Beta(.8, .8)
    both = Augmentation(mixup=0.8, cutmix=1)
    cuts = [both.sample(rng, 2, *size)[0]["bbox"][0].any() for _ in range(1000)]
    assert 0.45 < np.mean(cuts) < 0.55


def test_label_smoothing_of_mixed_targets_is_the_mixture_of_smoothed_ones():
    """The loss smooths; the published code mixes labels that are smooth already."""
    own, other = np.eye(5, dtype="float32")[[1, 3]]
    logits = np.random.default_rng(0).normal(size=(1, 5)).astype("float32")
    mixed = 0.3 * own + 0.7 * other
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    smooth = 0.3 * (0.9 * own + 0.02) + 0.7 * (0.9 * other + 0.02)
    log = logits[0] - np.log(np.exp(logits[0]).sum())
    found = float(keras.ops.convert_to_numpy(loss(mixed[None], logits)))
    np.testing.assert_allclose(found, -(smooth * log).sum(), rtol=1e-5)


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "fields",
    [
        {"random_crop": (0.0, 1.0)},
        {"random_crop": (0.8, 0.3)},
        {"padding": -1},
        {"rotation": 181},
        {"color_jitter": 1.5},
        {"rand_augment": 11},
        {"random_erasing": 2},
        {"mixup": -0.1},
        {"cutmix": -1},
    ],
)
def test_impossible_settings_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        Augmentation(**fields)


def test_reflected_shifts_are_those_of_a_reflected_border():
    """Every shifted, mirrored image is a window of NumPy's reflected padding."""
    settings = Augmentation(padding=3, horizontal_flip=True, fill_mode="reflect")
    pixels = np.random.default_rng(0).integers(0, 256, (16, 8, 10, 3)).astype("uint8")
    samples, _ = settings.sample(np.random.default_rng(1), 16, 8, 10)
    found = keras.ops.convert_to_numpy(augment(pixels, samples, settings.fill))
    moved = 0
    for image, result in zip(pixels.astype("float32"), found, strict=True):
        border = np.pad(image, ((3, 3), (3, 3), (0, 0)), mode="reflect")
        windows = [border[y : y + 8, x : x + 10] for y in range(7) for x in range(7)]
        windows += [window[:, ::-1] for window in windows]
        errors = [abs(window - result).max() for window in windows]
        assert min(errors) < 1e-2
        moved += np.argmin(errors) != 24
    assert moved > 10


@pytest.mark.backend_independent
def test_alternate_flips_show_both_forms_in_two_epochs():
    settings = Augmentation(horizontal_flip=True, alternate_flips=True)
    split = Split(
        np.arange(12 * 4).reshape(12, 2, 2, 1).repeat(3, -1).astype("uint8"),
        np.zeros(12, int),
    )
    batches = Batches(split, 6, 2, 0, settings)
    flipped = np.zeros((3, 12), bool)
    for epoch in range(3):
        for step in range(2):
            inputs, _ = batches[2 * epoch + step]
            mirrored = inputs["affine"][:, 0] < 0
            flipped[epoch, inputs["images"][:, 0, 0, 0] // 4] = mirrored
    assert (flipped[0] != flipped[1]).all() and (flipped[0] == flipped[2]).all()
    assert 0 < flipped[0].sum() < 12
    assert not Batches(split, 6, 2, 0, Augmentation(alternate_flips=True))[0][
        0
    ].keys() & {"affine"}


def test_cutout_covers_a_square_of_every_image():
    settings = Augmentation(cutout=4)
    images = np.zeros((50, 12, 12, 3), "uint8")
    samples, _ = settings.sample(np.random.default_rng(0), 50, 12, 12)
    found = keras.ops.convert_to_numpy(augment(images, samples))
    areas = (found[..., 0] == 127.5).sum((1, 2))
    assert areas.max() == 16 and 4 <= areas.min() < 16  # in part over the edge
    assert set(np.unique(found)) == {0.0, 127.5}


@pytest.mark.backend_independent
def test_mixing_has_a_probability_and_an_end():
    settings = Augmentation(mixup=1.0, mixing_probability=0.3, mixing_end=0.9)
    rng = np.random.default_rng(0)
    own = [settings.sample(rng, 2, 4, 4, progress=0.5)[1][0] for _ in range(1000)]
    assert abs(np.mean(np.array(own) < 1) - 0.3) < 0.05
    assert settings.sample(rng, 2, 4, 4, progress=0.95)[1].tolist() == [1, 1]


@pytest.mark.backend_independent
def test_trivial_augment_chooses_one_operation_of_any_strength():
    choice = rand_augment.sample_trivial(np.random.default_rng(0), 16_000)
    assert choice.kind.shape == (16_000, 1)
    counts = np.bincount(choice.kind[:, 0] + 1, minlength=16)
    assert abs(counts - 1000).max() < 150
    histogram, _ = np.histogram(choice.level, 4, (0, 1))
    assert abs(histogram - 4000).max() < 250
    with pytest.raises(ValueError, match="one of"):
        Augmentation(trivial_augment=True, rand_augment=9)
