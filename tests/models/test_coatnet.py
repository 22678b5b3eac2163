"""CoAtNet and Astroformer against timm's answers, their sizes and their symmetry."""

import contextlib
import json
import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_hybrid import models
from keras_hybrid.layers import PaddedConv2D
from keras_hybrid.weights import load_torch
from keras_hybrid.weights.coatnet import TIMM
from tests.golden import record_coatnet as record

MICRO = ("coatnet_micro", "astroformer_micro")
PLAIN = {"include_preprocessing": False, "classifier_activation": None, "classes": 7}
FAMILIES = ("CoAtNet", "Astroformer")
NAMES = [n for n in models.list_models() if models.get(n).family.name in FAMILIES]


def micro(name, config, **arguments):
    builder = models.CoAtNet if name == "coatnet_micro" else models.Astroformer
    fields = {
        "input_shape": (*config["image_size"], 3),
        "widths": tuple(config["embed_dim"]),
        "depths": tuple(config["depths"]),
        "stem_widths": (config["stem_width"],) * 2,
        "head_hidden": config["head_hidden_size"],
    }
    return builder(**PLAIN | fields | arguments)


def numpy(x):
    return ops.convert_to_numpy(x)


def with_taps(model):
    """The model with its features beside its logits, in one dict."""
    features = models.features(model)
    taps = dict(zip(features.output_names, features.outputs, strict=True))
    return keras.Model(model.input, taps | {"logits": model.output})


@pytest.mark.parametrize("name", MICRO)
def test_golden_logits_and_taps(name, golden):
    reference = golden(name)
    model = load_torch(micro(name, reference.config), reference.state_dict)
    taps = {f"stage{i + 1}": reference.taps[f"stage{i}"] for i in range(4)}
    taps |= {"stem": reference.taps["stem"], "logits": reference.logits}
    ours = with_taps(model).predict_on_batch(reference.x)
    assert set(ours) == set(taps)
    for key, value in taps.items():
        np.testing.assert_allclose(ours[key], value, atol=2e-5, err_msg=key)


@pytest.mark.parametrize("name", MICRO)
def test_golden_gradients(name, golden, gradients):
    reference, recorded = golden(name), golden("coatnet_gradients")
    model = load_torch(micro(name, reference.config), reference.state_dict)
    labels = np.array(record.LABELS)

    def loss(logits):
        return ops.mean(
            keras.losses.sparse_categorical_crossentropy(labels, logits, True)
        )

    ours = gradients(model, reference.x, loss)
    norms = json.loads(str(recorded.arrays[f"{name}/norms"]))
    assert len(norms) == len(ours)
    for key, norm in norms.items():
        path = TIMM.find(key, ours)
        np.testing.assert_allclose(
            np.linalg.norm(ours[path]), norm, rtol=1e-3, atol=1e-6, err_msg=key
        )
    # the recorded gradients, brought into our layout by the way weights take
    full = recorded.group(f"{name}/gradient/")
    assert len(full) > 10
    theirs = load_torch(micro(name, reference.config), reference.state_dict | full)
    theirs = {variable.path: numpy(variable) for variable in theirs.variables}
    for key in full:
        path = TIMM.find(key, ours)
        np.testing.assert_allclose(ours[path], theirs[path], atol=2e-5, err_msg=key)


def test_golden_training_mode(golden):
    name = "astroformer_micro"
    reference, recorded = golden(name), golden("coatnet_gradients")
    model = load_torch(micro(name, reference.config), reference.state_dict)
    logits = model(reference.x, training=True)
    np.testing.assert_allclose(
        numpy(logits), recorded.arrays[f"{name}/training"], atol=1e-4
    )
    # torch keeps the unbiased variance of the batch, Keras the biased one
    before = reference.state_dict["stem.norm1.running_var"]
    count = math.prod(reference.taps["stem"].shape[:3])
    step = recorded.arrays[f"{name}/running_var"] - 0.9 * before
    ours = numpy(model.get_layer("stem_norm").moving_variance) - 0.9 * before
    np.testing.assert_allclose(ours * count / (count - 1), step, rtol=1e-4)


def rw_weights(golden, name):
    shapes = json.loads(str(golden("coatnet_rw").arrays[f"{name}/shapes"]))
    return record.attention_weights(
        {key: tuple(shape) for key, shape in shapes.items()}
    )


def rw_micro(name, **arguments):
    builder = models.get(f"coatnet_{name}").builder
    return builder(**{"input_shape": (64, 64, 3)} | PLAIN | record.MICRO | arguments)


@pytest.mark.parametrize("name", record.RW)
def test_rw_logits(name, golden):
    model = load_torch(rw_micro(name), rw_weights(golden, name))
    expected = golden("coatnet_rw").arrays[f"{name}/logits"]
    assert expected.std() > 0.5
    np.testing.assert_allclose(
        model.predict_on_batch(record.images()), expected, atol=2e-5
    )


@contextlib.contextmanager
def no_weights():
    """Models that are built here have variables, but no values."""
    with keras.StatelessScope(initialize_variables=False):
        yield
    keras.utils.clear_session()  # else they would get them at the next occasion


def counts(name, side, classes):
    """Parameters, other variables' sizes, and MACs."""
    with no_weights():
        model = models.get(name).builder(input_shape=(side, side, 3), classes=classes)
        other = [v for v in model.non_trainable_variables if "seed" not in v.path]
        sizes = [
            sum(math.prod(v.shape) for v in variables)
            for variables in (model.trainable_variables, other)
        ]
        return (*sizes, sum(map(layer_macs, model.layers)))


def layer_macs(layer):
    if hasattr(layer, "macs"):
        return layer.macs(layer.input.shape)
    if isinstance(layer, (keras.layers.Dense, PaddedConv2D)):
        places = math.prod(layer.output.shape[1:-1])
        return places * math.prod(layer.kernel.shape)
    return 0


# Means and variances of BatchNorm, which Keras counts among its parameters.
STATISTICS = {
    "astroformer0": 47_872,
    "astroformer1": 120_448,
    "astroformer2": 160_768,
    "astroformer3": 241_152,
    "astroformer4": 476_160,
    "astroformer5": 763_136,
    "coatnet0": 13_696,
    "coatnet1": 24_064,
    "coatnet2": 32_256,
    "coatnet3": 48_384,
    "coatnet4": 89_856,
}


@pytest.mark.backend_independent
@pytest.mark.parametrize("name", NAMES)
def test_table_of_variants(name):
    variant = models.get(name)
    parameters, statistics, macs = counts(name, 224, 1000)
    assert parameters == variant.parameters
    assert statistics == STATISTICS.get(name, statistics)
    assert macs == pytest.approx(variant.macs, rel=1e-3)


# At another size or number of classes: parameters, and MACs in millions where the
# classes are 1000. What is not here of the published table follows from what is:
# a class more is `head_hidden + 1` parameters.
OTHER_SIZES = [
    ("astroformer0", 384, 1000, 23_550_872, 11_776.3),
    ("astroformer1", 384, 1000, 38_166_728, 20_052.3),
    ("astroformer2", 384, 1000, 67_404_904, 39_238.3),
    ("astroformer3", 384, 1000, 150_443_176, 87_855.4),
    ("astroformer4", 384, 1000, 242_639_464, 142_645.9),
    ("astroformer5", 384, 1000, 595_625_768, 317_996.1),
    ("coatnet0", 384, 1000, 25_142_900, 14_240.6),
    ("coatnet1", 384, 1000, 42_491_696, 27_793.2),
    ("coatnet2", 384, 1000, 75_039_304, 51_463.9),
    ("coatnet3", 384, 1000, 167_498_104, 111_907.2),
    ("coatnet4", 384, 1000, 276_454_408, 192_618.1),
    ("astroformer0", 32, 100, 22_833_428, None),
    ("astroformer1", 32, 100, 37_449_284, None),
    ("astroformer2", 32, 100, 66_448_612, None),
    ("astroformer3", 32, 100, 149_009_188, None),
    ("astroformer4", 32, 100, 241_205_476, None),
    ("astroformer5", 32, 100, 593_714_084, None),
    ("coatnet0", 32, 100, 24_293_456, None),
    ("coatnet1", 32, 100, 41_404_652, None),
    ("astroformer3", 256, 10, 148_892_362, None),
    ("coatnet1", 256, 10, 41_506_130, None),
    ("astroformer5", 64, 200, 593_920_008, None),
    ("coatnet0", 224, 10, 24_275_510, None),
    ("astroformer4", 224, 100, 241_221_604, None),
    ("astroformer0", 32, 10, 22_764_218, None),
    ("astroformer0", 32, 1000, 23_525_528, 84.4),
    ("coatnet0", 64, 200, 24_373_140, None),
]


@pytest.mark.backend_independent
@pytest.mark.parametrize(("name", "side", "classes", "parameters", "macs"), OTHER_SIZES)
def test_counts_at_other_sizes(name, side, classes, parameters, macs):
    found, _, found_macs = counts(name, side, classes)
    assert found == parameters
    if macs:
        assert found_macs / 1e6 == pytest.approx(macs, rel=1e-3)


def tiny(block_types="CCTT", size=(64, 64), **arguments):
    fields = {"depths": (1, 1, 1, 1), "widths": (8, 8, 16, 16), "head_hidden": 12}
    fields |= {"stem_widths": (8, 8), "head_width": 8, "block_types": block_types}
    return models.CoAtNet(**PLAIN | fields | {"input_shape": (*size, 3)} | arguments)


@pytest.mark.backend_independent
@pytest.mark.parametrize("block_types", ["CCTT", "CCCT", "CCCC", "TTTT", "TCTC"])
def test_any_string_of_blocks(block_types):
    with no_weights():
        model = tiny(block_types)
    names = [layer.name for layer in model.layers]
    kinds = ["T" if f"stage{i}_block1_attention" in names else "C" for i in range(1, 5)]
    assert "".join(kinds) == block_types
    assert model.output_shape == (None, 7)


@pytest.mark.backend_independent
@pytest.mark.parametrize("size", [(100, 64), (64, 48), (16, 16), (None, 64)])
def test_size_that_does_not_fit(size):
    with pytest.raises(ValueError, match="multiples of 32"):
        tiny(size=size)


@pytest.mark.backend_independent
def test_free_size_without_attention():
    model = tiny("CCCC", size=(None, None))
    assert model.predict_on_batch(np.ones((1, 32, 96, 3), "f4")).shape == (1, 7)


@pytest.mark.backend_independent
def test_small_images_keep_a_grid():
    with no_weights():
        model = tiny(size=(32, 32), stem_stride=1, strides=(1, 2, 2, 2))
    shapes = [x.shape[1:3] for x in models.features(model).outputs]
    assert sorted(shapes) == [(4, 4), (8, 8), (16, 16), (32, 32), (32, 32)]
    with pytest.raises(ValueError, match="multiples of 8"):
        tiny(size=(36, 36), stem_stride=1, strides=(1, 2, 2, 2))


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("block_types", "CCXT", "block_types must be one of 'C', 'T', not 'X'"),
        ("block_types", "CCT", "block_types takes 4 values"),
        ("depths", (1, 1), "depths takes 4 values"),
        ("pool", "mean", "pool must be one of"),
        ("norm", "group", "norm must be one of"),
        ("stride_by", "1x1", "stride_by must be one of"),
        ("bias_source", "sine", "source must be one of"),
        ("bias_position", "within", "bias_position must be one of"),
        ("head_width", 7, "heads of 7 channels"),
    ],
)
def test_setting_that_makes_no_network(field, value, message):
    with pytest.raises(ValueError, match=message):
        tiny(**{field: value})


def tables(model):
    return {v.path: numpy(v) for v in model.variables if v.path.endswith("/table")}


@pytest.mark.backend_independent
def test_tables_follow_the_size(golden, tmp_path, randomise):
    reference = golden("coatnet_micro")
    here = load_torch(micro("coatnet_micro", reference.config), reference.state_dict)
    from_torch = micro("coatnet_micro", reference.config, input_shape=(96, 128, 3))
    load_torch(from_torch, reference.state_dict)
    here.save_weights(tmp_path / "here.weights.h5")
    from_keras = micro("coatnet_micro", reference.config, input_shape=(96, 128, 3))
    from_keras.load_weights(tmp_path / "here.weights.h5")
    there = tables(from_torch)
    assert there["stage3_block1_attention/position/table"].shape == (11, 15, 1)
    for path, value in tables(from_keras).items():
        np.testing.assert_array_equal(value, there[path])
    # the middle, offset 0, is a knot of both grids
    for path, value in tables(here).items():
        middle = tuple(side // 2 for side in value.shape[:2])
        new = tuple(side // 2 for side in there[path].shape[:2])
        np.testing.assert_allclose(there[path][new], value[middle], atol=1e-6)
    rest = zip(here.variables, from_keras.variables, strict=True)
    for ours, theirs in rest:
        if not ours.path.endswith("/table"):
            np.testing.assert_array_equal(numpy(ours), numpy(theirs))


@pytest.mark.backend_independent
def test_saved_model_answers_alike(tmp_path, randomise):
    fields = {"bias_source": "mlp", "pool": "max", "norm": "batch", "layer_scale": 0.1}
    model = randomise(tiny(periodic=True, **fields))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = record.images()
    np.testing.assert_array_equal(again.predict_on_batch(x), model.predict_on_batch(x))


@pytest.mark.backend_independent
def test_a_missing_tensor_is_named(golden):
    reference = golden("coatnet_micro")
    model = micro("coatnet_micro", reference.config)
    state = dict(reference.state_dict)
    del state["stages.2.blocks.0.norm1.norm.weight"]
    with pytest.raises(ValueError, match="missing: stage3_block1_attention_norm/gamma"):
        load_torch(model, state)


def shift_errors(maps, x, pixels):
    """What a shift changes in the logits, and in the maps whose stride divides it.

    Both over the standard deviation of what they are.
    """
    still = maps.predict_on_batch(x)
    moved = maps.predict_on_batch(np.roll(x, (pixels, -pixels), (1, 2)))
    logits = still.pop("logits")
    in_logits = np.abs(moved.pop("logits") - logits).max() / logits.std()
    errors = {}
    for name, value in still.items():
        stride = x.shape[1] // value.shape[1]
        if pixels % stride == 0:
            steps = pixels // stride
            rolled = np.roll(value, (steps, -steps), (1, 2))
            errors[name] = np.abs(rolled - moved[name]).max() / value.std()
    return in_logits, errors


@pytest.mark.parametrize(("pool", "source"), [("avg", "table"), ("max", "mlp")])
def test_periodic_network_commutes_with_shifts(pool, source, randomise):
    keras.utils.set_random_seed(0)
    fields = {"size": (128, 96), "bias_source": source, "pool": pool}
    x = np.random.default_rng(0).normal(size=(1, 128, 96, 3)).astype("float32")
    maps = with_taps(randomise(tiny(periodic=True, **fields)))
    in_logits, errors = shift_errors(maps, x, 32)
    assert set(errors) == {"stem", "stage1", "stage2", "stage3", "stage4"}
    assert max(errors.values()) < 1e-5, errors
    assert in_logits < 1e-5
    for pixels in (1, 2, 4, 8, 16):  # not a vacuous test: these do not commute
        in_logits, errors = shift_errors(maps, x, pixels)
        assert "stage4" not in errors
        assert all(error < 1e-5 for error in errors.values()), errors
        assert in_logits > 1e-4
    _, plain = shift_errors(with_taps(randomise(tiny(**fields))), x, 32)
    assert min(plain.values()) > 1e-2, plain


@pytest.mark.backend_independent
def test_initial_weights():
    keras.utils.set_random_seed(0)
    fields = {"widths": (64, 64, 96, 128), "head_width": 32}
    model = tiny(stem_widths=(32, 64), head_hidden=96, **fields)
    values = {v.path: numpy(v) for v in model.trainable_variables}

    def normal(path, std):
        few = values[path].size < 500
        assert values[path].std() == pytest.approx(std, rel=0.3 if few else 0.1), path
        # of many values one lies where a truncated distribution has none
        assert few or np.abs(values[path]).max() > 2.2 * std, path

    def uniform(path, limit):
        assert np.abs(values[path]).max() == pytest.approx(limit, rel=0.05), path
        assert values[path].std() == pytest.approx(limit / 3**0.5, rel=0.1), path

    normal("stem_conv1/kernel", (2 / (9 * 32)) ** 0.5)
    normal("stem_conv2/kernel", (2 / (9 * 64)) ** 0.5)
    normal("stage1_block1_mbconv/expand/kernel", (2 / 256) ** 0.5)
    normal("stage1_block1_mbconv/conv/kernel", (2 / 9) ** 0.5)
    normal("stage1_block1_mbconv/squeeze_excite/reduce/kernel", (2 / 16) ** 0.5)
    normal("stage1_block1_mbconv/squeeze_excite/expand/kernel", (2 / 256) ** 0.5)
    normal("stage1_block1_mbconv/project/kernel", (2 / 64) ** 0.5)
    uniform("stage3_block1_shortcut/kernel", (6 / (64 + 96)) ** 0.5)
    uniform("stage3_block1_attention/qkv/kernel", (6 / (64 + 3 * 96)) ** 0.5)
    uniform("stage3_block1_attention/project/kernel", (6 / (96 + 96)) ** 0.5)
    uniform("stage3_block1_mlp_expand/kernel", (6 / (96 + 384)) ** 0.5)
    normal("stage3_block1_attention/position/table", 0.02)
    normal("stage3_block1_mlp_expand/bias", 1e-6)
    uniform("pre_logits/kernel", 128**-0.5)
    uniform("pre_logits/bias", 128**-0.5)
    zero = [p for p in values if p.endswith(("bias", "beta"))]
    zero = [p for p in zero if "mlp" not in p and not p.startswith("pre_logits")]
    assert all(not values[path].any() for path in zero)
    assert all((values[p] == 1).all() for p in values if p.endswith("gamma"))


def test_epsilons_show_on_small_inputs():
    model = tiny("CTTT")
    x = 1e-3 * np.random.default_rng(0).normal(size=(2, 8, 8, 8)).astype("float32")
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    layer = model.get_layer("stage2_block1_attention_norm")
    np.testing.assert_allclose(
        numpy(layer(x)), (x - mean) / np.sqrt(variance + 1e-6), atol=1e-4
    )
    norms = keras.layers.LayerNormalization
    norms = [x for x in model.layers if isinstance(x, norms)]
    assert len(norms) == 7 and {norm.epsilon for norm in norms} == {1e-6}
    x = x - x.mean((0, 1, 2))
    layer = model.get_layer("stem_norm")
    assert layer.epsilon == 1e-5
    assert model.get_layer("stage1_block1_mbconv").norm.epsilon == 1e-5
    batch = tiny("CTTT", norm="batch").get_layer("norm")
    assert batch.epsilon == 1e-6


@pytest.mark.backend_independent
def test_drop_path_grows_over_all_blocks():
    with no_weights():
        model = tiny("CCTT", depths=(1, 2, 1, 1), drop_path_rate=0.4)
    rates = {x.name: x.rate for x in model.layers if hasattr(x, "rate")}
    expected = {"stage2_block1_mbconv": 0.1, "stage2_block2_mbconv": 0.2}
    for stage, rate in ((3, 0.3), (4, 0.4)):
        expected |= {f"stage{stage}_block1_{x}": rate for x in ("attention", "mlp")}
    assert rates == pytest.approx({f"{k}_drop_path": v for k, v in expected.items()})


@pytest.mark.backend_independent
def test_timm_names_find_the_variant():
    for name in record.RW:
        assert models.get(f"coatnet_{name}").family.name == "CoAtNet"
    assert models.get("coatnet_bn_0_rw").family.preprocessing.mean[0] == 0.485
    assert models.get("coatnet_0_rw").family.preprocessing.mean == (0.5, 0.5, 0.5)
    assert models.get("coatnet_nano_rw").family.preprocessing.crop == 0.9
