import keras
import numpy as np
import pytest

from keras_hybrid import models, ops
from keras_hybrid.layers import GatedPositionalAttention
from keras_hybrid.weights import convit, load_torch
from tests.small import noise

numpy = keras.ops.convert_to_numpy
TOLERANCE = 2e-5
PARAMETERS = {
    ("ConViTTiny", 224): {1000: 5_710_512, 100: 5_536_812, 10: 5_519_442},
    ("ConViTTinyPlus", 224): {1000: 9_972_912},
    ("ConViTSmall", 224): {1000: 27_777_322, 100: 27_387_622, 10: 27_348_652},
    ("ConViTSmallPlus", 224): {1000: 48_979_882},
    ("ConViTBase", 224): {1000: 86_540_040, 10: 85_778_730},
    ("ConViTBasePlus", 224): {1000: 153_134_856},
    ("ConViTTiny", 384): {1000: 5_783_472},
    ("ConViTSmall", 384): {1000: 27_941_482},
    ("ConViTBase", 384): {1000: 86_831_880},
}


def micro(config=None, **arguments):
    """The golden networks' structure."""
    config = config or {}
    fields = {
        "depth": config.get("depth", 4),
        "gpsa_layers": config.get("local_up_to_layer", 3),
        "width": config.get("embed_dim", 32),
        "heads": config.get("heads", 4),
        "patch_size": 4,
        "position_embedding": config.get("pos_embed", True),
        "classes": 7,
        "input_shape": (32, 32, 3),
        "include_preprocessing": False,
        "classifier_activation": None,
    }
    return models.ConViT(**fields | arguments)


def cores(model):
    return [x for x in model.layers if isinstance(x, GatedPositionalAttention)]


def parameters(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("form", ["plain", "separable"])
@pytest.mark.parametrize("name", ["convit_micro4", "convit_micro9"])
def test_golden(name, form, golden):
    file = golden(name)
    model = load_torch(micro(file.config), file.state_dict)
    with ops.forms(positional_attention=form):
        logits = numpy(model(file.x))
    np.testing.assert_allclose(logits, file.logits, 0, TOLERANCE)
    if form != "separable":
        return
    for tap, value in models.features(model)([file.x]).items():
        expected = file.taps[f"block{int(tap[5:]) - 1}"][:, -64:]
        value = numpy(value).reshape(expected.shape)
        np.testing.assert_allclose(value, expected, 0, TOLERANCE, err_msg=tap)
    token = keras.Model(model.inputs, model.get_layer("block4").output[0])
    expected = file.taps["block3"][:, 0]
    np.testing.assert_allclose(numpy(token([file.x])), expected, 0, TOLERANCE)
    core = model.get_layer("block1_attention")
    query, key, _ = keras.Model(model.inputs, core.input)([file.x])
    weights = numpy(core.attention_weights(query, key))
    np.testing.assert_allclose(weights, file.taps["attention_map_0"], 0, 2e-6)


@pytest.mark.backend_independent
def test_epsilon(golden):
    """Logits of ordinary images do not see the epsilon; faint ones do."""
    file = golden("convit_micro4")
    model = load_torch(micro(file.config), file.state_dict)
    norms = [x for x in model.layers if x.name.endswith("norm")]
    assert len(norms) == 9
    x = 1e-3 * noise(2, 5, 32)
    for layer in norms:
        centred = x - x.mean(-1, keepdims=True)
        expected = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
        expected = expected * numpy(layer.gamma) + numpy(layer.beta)
        value = keras.ops.reshape(
            layer(x[:, 0] if layer.name == "norm" else x), (2, -1, 32)
        )
        expected = expected[:, : value.shape[1]]
        np.testing.assert_allclose(numpy(value), expected, 0, 1e-5)


def test_gradients(golden, gradients, assert_torch_gradients):
    file, recorded = golden("convit_micro4"), golden("convit_gradients")
    model = load_torch(micro(file.config), file.state_dict)

    ours = gradients(model, file.x, recorded.loss)
    assert_torch_gradients(model, ours, recorded, convit.OFFICIAL)


@pytest.mark.backend_independent
@pytest.mark.parametrize("name, size", PARAMETERS)
def test_parameters(name, size, quick_start):
    model = models.get(name).builder(input_shape=(size, size, 3))
    for classes, expected in PARAMETERS[name, size].items():
        assert parameters(models.with_head(model, classes)) == expected
    if size == 224:
        assert models.get(name).parameters == PARAMETERS[name, size][1000]


@pytest.mark.backend_independent
def test_starts_as_published():
    model = micro(width=64, classes=50, heads=4)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense) and not layer.name.endswith("_value"):
            np.testing.assert_allclose(numpy(layer.kernel).std(), 0.02, rtol=0.1)
            assert abs(numpy(layer.kernel)).max() > 0.05  # not truncated
        if getattr(layer, "bias", None) is not None and layer.name != "patch_embedding":
            assert not numpy(layer.bias).any()
    for i in range(1, 4):
        value = numpy(model.get_layer(f"block{i}_attention_value").kernel)
        np.testing.assert_array_equal(value, np.eye(64))
    value = numpy(model.get_layer("block4_attention_value").kernel)
    np.testing.assert_allclose(value.std(), 0.02, rtol=0.1)
    patches = model.get_layer("patch_embedding")
    for weight in (patches.kernel, patches.bias):
        assert abs(numpy(weight)).max() <= 48**-0.5
    np.testing.assert_allclose(numpy(patches.kernel).std(), 48**-0.5 / 3**0.5, 0.05)
    for path in ("class_token/token", "position/table"):
        (table,) = (w for w in model.weights if w.path == path)
        np.testing.assert_allclose(numpy(table).std(), 0.02, rtol=0.35)
    assert all((numpy(core.gate) == 1).all() for core in cores(model))


@pytest.mark.backend_independent
@pytest.mark.parametrize("layers", [0, 1, 4])
def test_any_number_of_gpsa_layers(layers):
    model = micro(gpsa_layers=layers)
    assert len(cores(model)) == layers
    assert parameters(model) == parameters(micro()) + 5 * 4 * (layers - 3)
    assert sum(weight.path == "class_token/token" for weight in model.weights) == 1
    assert np.ptp(numpy(model(noise(2, 32, 32, 3))), axis=0).max() > 1e-6
    assert set(models.features(model).output) == {f"block{i + 1}" for i in range(4)}


@pytest.mark.backend_independent
def test_class_token_after_gpsa_everywhere(randomise):
    """It joins the tokens whose mean the head reads."""
    model = randomise(micro(gpsa_layers=4))
    before = numpy(model(noise(2, 32, 32, 3)))
    token = model.get_layer("class_token").token
    token.assign(token + noise(1, 1, 32))
    assert abs(numpy(model(noise(2, 32, 32, 3))) - before).max() > 1e-3


@pytest.mark.backend_independent
def test_ablations():
    frozen = micro(train_gates=False, gate_init=0.0)
    assert all((numpy(core.gate) == 0).all() for core in cores(frozen))
    assert parameters(frozen) == parameters(micro()) - 3 * 4
    random = micro(local_init=False)
    assert abs(numpy(random.get_layer("block1_attention_value").kernel)).max() < 0.2
    assert abs(numpy(cores(random)[0].position_kernel)).max() < 0.2
    fixed = micro(train_gpsa=False)
    left = {w.path.partition("/")[0] for w in fixed.trainable_weights}
    roles = ("", "_query", "_key", "_value", "_output")
    gone = {f"block{i}_attention{role}" for i in (1, 2, 3) for role in roles}
    every = {w.path.partition("/")[0] for w in micro().trainable_weights}
    assert left == every - gone
    strong = micro(locality_strength=0.1)
    assert abs(numpy(cores(strong)[0].position_kernel)).max() == np.float32(0.1)


@pytest.mark.backend_independent
@pytest.mark.parametrize("layers", [-1, 5])
def test_impossible_number_of_gpsa_layers(layers):
    with pytest.raises(
        ValueError, match=r"gpsa_layers must lie in \[0, 4\], the depth"
    ):
        micro(gpsa_layers=layers)


def test_rectangle(randomise):
    model = randomise(micro(input_shape=(24, 40, 3)))
    x = noise(2, 24, 40, 3)
    out = numpy(model(x))
    with ops.forms("plain"):
        np.testing.assert_allclose(numpy(model(x)), out, 0, 5e-6)
    maps = models.features(model)([x])
    assert {value.shape[1:] for value in maps.values()} == {(6, 10, 32)}


@pytest.mark.backend_independent
def test_free_size_without_position_embedding(randomise):
    fixed = randomise(micro(position_embedding=False, input_shape=(24, 40, 3)))
    free = micro(position_embedding=False, input_shape=(None, None, 3))
    free.set_weights(fixed.get_weights())
    x = noise(2, 24, 40, 3)
    np.testing.assert_allclose(numpy(free(x)), numpy(fixed(x)), 0, 1e-6)
    with pytest.raises(ValueError, match="fixed input_shape"):
        micro(input_shape=(None, None, 3))


def test_frozen_training_step_leaves_gpsa_alone():
    model = micro(train_gpsa=False)
    core = numpy(model.get_layer("block1_attention_query").kernel).copy()
    model.compile("sgd", keras.losses.MeanSquaredError(), jit_compile=False)
    model.train_on_batch(noise(2, 32, 32, 3), np.ones((2, 7), "f4"))
    query = model.get_layer("block1_attention_query").kernel
    np.testing.assert_array_equal(numpy(query), core)
