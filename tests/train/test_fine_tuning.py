"""Fine-tuning: frozen layers, a linear probe, layer-wise rates, another train size."""

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.data import Split
from keras_hybrid.train import FineTuning, Recipe, make_optimizer
from keras_hybrid.train.fit import fit
from keras_hybrid.train.freeze import frozen, frozen_layers
from keras_hybrid.train.layer_rates import layer_rates
from keras_hybrid.train.lora import lora
from keras_hybrid.train.probe import train_classifier
from keras_hybrid.train.train_size import check_train_sizes
from tests.small import FAMILIES, small
from tests.train.tiny import images, recipe


def values(model):
    return {v.path: keras.ops.convert_to_numpy(v) for v in model.variables}


def network(name="resnet9", size=(16, 16), **arguments):
    keras.utils.set_random_seed(3)
    arguments = {"drop_path_rate": 0.5, "classes": 3} | arguments
    return models.logits(small(name, size=size, **arguments))


def changed(before, model):
    return {k for k, v in values(model).items() if not np.array_equal(before[k], v)}


@pytest.mark.backend_independent
@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_stages_are_all_layers_in_order(name):
    model = small(name)
    groups = models.stages(model)
    assert len(groups) == len(models.features(model).output) + 1
    names = [layer.name for group in groups for layer in group]
    assert sorted(names) == sorted(layer.name for layer in model.layers)
    assert models.classifier(model) in groups[-1]
    for i, group in enumerate(groups[:-1], start=1):
        assert not any(f"stage{i + 1}_" in layer.name for layer in group)


@pytest.mark.parametrize(
    ("freeze", "kept"), [("backbone", 3), ("stages:2", 2), ("none", 0)]
)
def test_frozen_layers_keep_all_their_variables(tmp_path, freeze, kept):
    model = network()
    before = values(model)
    with frozen(model, freeze):
        fit(recipe(epochs=1), tmp_path, model, images(size=16), None)
    moved = changed(before, model)
    for stage in (1, 2, 3):
        found = any(path.startswith(f"stage{stage}_") for path in moved)
        assert found == (stage > kept), stage
    assert any(path.startswith("head") for path in moved)
    assert all(layer.trainable for layer in model._flatten_layers())


def test_frozen_layers_compute_as_in_inference():
    model = network()
    pixels = images(size=16).images.astype("float32")
    features = keras.Model(model.input, models.classifier(model).input)

    def outputs(training):
        return keras.ops.convert_to_numpy(features(pixels, training=training))

    trained = outputs(training=True)  # which moves BatchNorm's averages
    expected = outputs(training=False)
    assert not np.allclose(trained, expected)
    with frozen(model, "backbone"):
        np.testing.assert_array_equal(outputs(training=True), expected)
    assert {x.rate for x in model.layers if "drop_path" in x.name} - {0.0}


@pytest.mark.backend_independent
def test_more_stages_than_there_are():
    with pytest.raises(ValueError, match="has 3 stages: stage1, stage2, stage3"):
        frozen_layers(network(), "stages:4")


@pytest.mark.backend_independent
@pytest.mark.parametrize("freeze", ["stages", "stages:0", "stages:x", "all"])
def test_unknown_freeze(freeze):
    with pytest.raises(ValueError, match="or stages:N"):
        FineTuning(freeze=freeze)


def test_probe_trains_the_classifier_alone():
    model = network()
    labels = np.arange(24) % 3
    pixels = np.zeros((24, 16, 16, 3), "uint8")
    pixels[np.arange(24), :, :, labels] = 200  # each class has its color
    before = values(model)
    train_classifier(recipe(probe_epochs=60), model, Split(pixels, labels))
    assert changed(before, model) == {"head/kernel", "head/bias"}
    assert (model.predict(pixels, verbose=0).argmax(-1) == labels).mean() > 0.9


@pytest.mark.parametrize("name", ["adamw", "muon", "sgd", "schedule_free"])
def test_layer_rates_scale_the_whole_update(name):
    """The update of every variable, weight decay included, has its share of the rate."""

    def step(decay):
        model = network()
        rates = layer_rates(model, decay) if decay < 1 else None
        optimizer = make_optimizer(name, model, 0.01, 0.3, None, rates=rates)
        before = values(model)
        rng = np.random.default_rng(0)
        gradients = [
            keras.ops.convert_to_tensor(rng.normal(size=v.shape).astype("float32"))
            for v in model.trainable_variables
        ]
        optimizer.apply(gradients, model.trainable_variables)
        after = values(model)
        return {
            v.path: after[v.path] - before[v.path] for v in model.trainable_variables
        }

    plain, scaled = step(1.0), step(0.5)
    shares = {"stage1": 0.125, "stage2": 0.25, "stage3": 0.5, "head": 1, "stem": 0.125}
    for path, change in plain.items():
        share = next(v for k, v in shares.items() if path.startswith(k))
        if np.abs(change).max():
            np.testing.assert_allclose(
                scaled[path], share * change, rtol=1e-3, atol=1e-6
            )
    assert np.abs(plain["stem_conv/kernel"]).max() > 1e-4


@pytest.mark.backend_independent
def test_learning_rate_is_lower_from_pretrained_weights():
    assert Recipe().learning_rate == 1e-3
    assert Recipe.of(weights="file.keras").learning_rate == 1e-4
    assert Recipe.of(weights="file.keras", learning_rate=0.02).learning_rate == 0.02


def test_train_size_is_the_size_of_training_images_only(tmp_path):
    model = network("atc3", (16, 16))
    sizes = []

    class Sizes(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            sizes.append(self.model.train_size)

    held_out = images(size=16)
    fit(
        recipe(train_size=8, epochs=1),
        tmp_path,
        model,
        images(size=16),
        held_out,
        callbacks=lambda *_: [Sizes()],
    )
    assert sizes == [(8, 8)]
    assert model.input_shape[1:3] == (16, 16)


@pytest.mark.parametrize("name", ["cvt13", "coatnet0"])
def test_lora_moves_dense_kernels_by_its_rank(tmp_path, name):
    model = network(name, None)
    split = images(size=model.input_shape[1])
    pixels = split.images.astype("float32")
    before, paths = values(model), [v.path for v in model.trainable_variables]
    with lora(model, 1):
        fit(recipe(epochs=1, learning_rate=0.01), tmp_path, model, split, None)
        inside = keras.ops.convert_to_numpy(model(pixels))
    assert [v.path for v in model.trainable_variables] == paths
    moved = {path for path in changed(before, model) if "seed_generator" not in path}
    dense = {
        v.path
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Dense)
        for v in layer.trainable_variables
    }
    kernels = {path for path in dense if path.endswith("kernel")}
    assert moved == kernels | {"head/bias"}
    after = values(model)
    for path in kernels - {"head/kernel"}:
        sizes = np.linalg.svd(after[path] - before[path], compute_uv=False)
        assert sizes[0] > 1e-4
        assert sizes[1] < 1e-4 * sizes[0] + 1e-6, path
    outside = keras.ops.convert_to_numpy(model(pixels))
    np.testing.assert_allclose(outside, inside, atol=1e-4)


@pytest.mark.backend_independent
def test_lora_needs_dense_layers():
    model = network("resnet18", (32, 32))
    with pytest.raises(ValueError, match="has no dense layer"), lora(model, 2):
        pass


@pytest.mark.backend_independent
@pytest.mark.parametrize("fields", [{"train_size": 24}, {"progressive_resizing": True}])
def test_a_size_that_the_model_does_not_take_is_refused(fields):
    settings = recipe(**fields).optimization
    check_train_sizes(settings, network(size=(32, 32)), "resnet9")
    convit = network("convit_tiny", (32, 32), patch_size=8)
    with pytest.raises(ValueError, match="convit_tiny takes images of 32x32 pixels"):
        check_train_sizes(settings, convit, "convit_tiny")
