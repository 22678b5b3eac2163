import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.layers import LeFF
from keras_hybrid.weights import ceit, load_torch
from tests.small import noise

numpy = keras.ops.convert_to_numpy
TOLERANCE = 2e-5
PARAMETERS = {
    ("CeiTTiny", 32): {10: 6_128_970, 100: 6_146_340},
    ("CeiTTiny", 224): {1000: 6_356_904, 10: 6_165_834, 100: 6_183_204},
    ("CeiTTiny", 384): {1000: 6_429_864, 10: 6_238_794, 100: 6_256_164},
    ("CeiTSmall", 32): {10: 23_749_962, 100: 23_784_612},
    ("CeiTSmall", 224): {1000: 24_204_840, 10: 23_823_690, 100: 23_858_340},
    ("CeiTSmall", 384): {1000: 24_350_760, 10: 23_969_610, 100: 24_004_260},
    ("CeiTBase", 224): {1000: 94_405_416},
    ("CeiTBase", 384): {1000: 94_697_256},
}
STATISTICS = {"CeiTTiny": 41_600, "CeiTSmall": 83_072, "CeiTBase": 166_016}


def micro(**arguments):
    """The golden network's structure."""
    fields = {
        "depth": 3,
        "width": 32,
        "heads": 2,
        "i2t_channels": 16,
        "classes": 7,
        "input_shape": (64, 64, 3),
        "include_preprocessing": False,
        "classifier_activation": None,
    }
    return models.CeiT(**fields | arguments)


def parameters(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


@pytest.mark.parametrize("class_only", [True, False])
def test_golden(class_only, golden):
    file = golden("ceit_micro")
    model = load_torch(micro(class_only=class_only), file.state_dict)
    np.testing.assert_allclose(numpy(model(file.x)), file.logits, 0, TOLERANCE)
    maps = models.features(model)([file.x])
    assert set(maps) == {"i2t", "block1", "block2"} | (
        set() if class_only else {"block3"}
    )
    for tap, value in maps.items():
        theirs = "i2t" if tap == "i2t" else f"block{int(tap[5:]) - 1}"
        expected = file.taps[theirs][:, -16:]
        value = numpy(value).reshape(expected.shape)
        np.testing.assert_allclose(value, expected, 0, TOLERANCE, err_msg=tap)
    tokens = {"block1": "block0", "block2": "block1", "block3": "block2"}
    for layer, tap in tokens.items():
        if class_only and layer == "block3":
            layer = "block3_mlp_add"
        output = keras.Model(model.inputs, model.get_layer(layer).output)
        found = numpy(output([file.x]))[:, 0]
        np.testing.assert_allclose(found, file.taps[tap][:, 0], 0, TOLERANCE)
    lca = keras.Model(model.inputs, model.get_layer("vector").output)
    expected = file.taps["lca"][:, 0]
    np.testing.assert_allclose(numpy(lca([file.x])), expected, 0, TOLERANCE)


@pytest.mark.backend_independent
def test_headless_map_is_the_whole_last_block(golden):
    file = golden("ceit_micro")
    full = load_torch(micro(class_only=False), file.state_dict)
    headless = micro(include_top=False)
    values = {weight.path: weight for weight in full.weights}
    for weight in headless.weights:
        weight.assign(values[weight.path])
    found = numpy(headless(file.x)).reshape(2, 16, 32)
    np.testing.assert_allclose(found, file.taps["block2"][:, 1:], 0, TOLERANCE)


@pytest.mark.parametrize("class_only", [True, False])
def test_training_mode(class_only, golden, gradients, assert_torch_gradients):
    """Logits and gradients with the batch's statistics; those of the last LeFF are 0."""
    file, recorded = golden("ceit_micro"), golden("ceit_gradients")
    model = micro(class_only=class_only, drop_path_rate=0.0)
    load_torch(model, file.state_dict)

    ours = gradients(model, file.x, recorded.loss, training=True)
    assert_torch_gradients(model, ours, recorded, ceit.OFFICIAL)
    dead = [value for path, value in ours.items() if path.startswith("block3_leff/")]
    assert len(dead) == 12 and not any(value.any() for value in dead)
    load_torch(model, file.state_dict)
    logits = numpy(model(file.x, training=True))
    np.testing.assert_allclose(logits, recorded.logits, 0, TOLERANCE)


@pytest.mark.backend_independent
def test_epsilon(golden):
    """Logits of ordinary images do not see the epsilon; faint ones do."""
    model = load_torch(micro(), golden("ceit_micro").state_dict)
    x = 1e-3 * noise(2, 5, 32)
    centred = x - x.mean(-1, keepdims=True)
    normed = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
    norms = [x for x in model.layers if isinstance(x, keras.layers.LayerNormalization)]
    assert len(norms) == 9
    for layer in norms:
        expected = normed * numpy(layer.gamma) + numpy(layer.beta)
        if layer.name == "norm":
            found, expected = layer(x[:, 0]), expected[:, 0]
        else:
            found = layer(x)
        np.testing.assert_allclose(numpy(found), expected, 0, 1e-5)
    leff = next(x for x in model.layers if isinstance(x, LeFF))
    for norm in (leff.expand_norm, leff.conv_norm, leff.project_norm):
        assert norm.epsilon == 1e-5 and norm.momentum == 0.9


@pytest.mark.backend_independent
@pytest.mark.parametrize("name, size", PARAMETERS)
def test_parameters(name, size, quick_start):
    model = models.get(name).builder(input_shape=(size, size, 3))
    for classes, expected in PARAMETERS[name, size].items():
        swapped = models.with_head(model, classes)
        assert parameters(swapped.trainable_weights) == expected
    if size == 224:
        assert models.get(name).parameters == PARAMETERS[name, size][1000]
        norms = [w for w in model.non_trainable_weights if "moving" in w.path]
        assert parameters(norms) == STATISTICS[name]


@pytest.mark.backend_independent
def test_i2t_of_the_paper_has_fewer_parameters(quick_start):
    model = models.CeiTTiny(i2t_channels=32)
    assert parameters(model.trainable_weights) == 6_253_832


@pytest.mark.backend_independent
def test_starts_as_published():
    model = micro(width=64, heads=1, classes=50)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            np.testing.assert_allclose(numpy(layer.kernel).std(), 0.02, rtol=0.1)
            assert abs(numpy(layer.kernel)).max() > 0.05  # not truncated
            assert not numpy(layer.bias).any()
    fan_in = {"expand": 64, "conv": 9, "project": 256}
    for layer in (x for x in model.layers if isinstance(x, LeFF)):
        for name, count in fan_in.items():
            part = getattr(layer, name)
            for weight in (numpy(part.kernel), numpy(part.bias)):
                assert abs(weight).max() <= count**-0.5
                np.testing.assert_allclose(weight.std(), (3 * count) ** -0.5, 0.25)
    for name, count in {"i2t_conv": 147, "i2t_project": 256}.items():
        kernel = numpy(model.get_layer(name).kernel)
        assert abs(kernel).max() <= count**-0.5
        np.testing.assert_allclose(kernel.std(), (3 * count) ** -0.5, rtol=0.05)
    assert not numpy(model.get_layer("lca_tokens").position).any()
    for weight in model.weights:
        if weight.path in ("class_token/token", "position/table"):
            np.testing.assert_allclose(numpy(weight).std(), 0.02, rtol=0.35)


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "arguments, change",
    [
        ({"i2t_norm": False}, -2 * 16),
        ({"i2t_kernel": 5}, -(49 - 25) * 3 * 16),
        ({"i2t_stride": 4, "i2t_pool": False}, 0),
        ({"leff_kernel": 5}, 3 * 16 * 128),
        ({"leff_norm": False}, -3 * 2 * (128 + 128 + 32)),
        ({"leff_final_activation": True}, 0),
        ({"class_attention": False}, -(12 * 32**2 + 13 * 32 + 3 * 32)),
    ],
)
def test_ablations(arguments, change, randomise):
    model = micro(**arguments)
    found = parameters(model.trainable_weights)
    assert found - parameters(micro().trainable_weights) == change
    whole = micro(**arguments, class_only=False)
    whole.set_weights(randomise(model).get_weights())
    x = noise(2, 64, 64, 3)
    out = numpy(model(x))
    assert out.shape == (2, 7) and np.ptp(out, axis=0).max() > 1e-6
    np.testing.assert_allclose(numpy(whole(x)), out, 0, 1e-5)


@pytest.mark.backend_independent
def test_final_activation_of_leff():
    x, grid = noise(2, 1 + 6, 8), noise(2, 2, 3, 1)
    plain = LeFF(8, 16)
    plain.build(x.shape)
    paper = LeFF(8, 16, final_activation=True)
    paper.build(x.shape)
    paper.set_weights(plain.get_weights())
    expected = numpy(keras.activations.gelu(plain(x, grid)))
    found = numpy(paper(x, grid))
    np.testing.assert_allclose(found[:, 1:], expected[:, 1:], 0, 1e-6)
    np.testing.assert_array_equal(found[:, 0], x[:, 0])


def test_rectangle(randomise):
    model = randomise(micro(input_shape=(48, 80, 3), class_only=False))
    maps = models.features(model)([noise(2, 48, 80, 3)])
    assert {value.shape[1:] for value in maps.values()} == {(3, 5, 32)}


@pytest.mark.backend_independent
def test_needs_a_fixed_size():
    with pytest.raises(ValueError, match="fixed input_shape"):
        micro(input_shape=(None, None, 3))
