"""ResNet and Wide ResNet against torch, by number."""

import math

import keras
import numpy as np
import pytest
import torch

from benchmarks import torch_resnets as reference
from keras_hybrid import models
from keras_hybrid.weights import load_torch

WIDTHS = (8, 12, 16, 24)
CASES = {
    "imagenet": ((1, 2, 1, 1), WIDTHS, "imagenet", 64),
    "cifar": ((2, 1, 1, 1), WIDTHS, "cifar", 16),
    "pool": ((1, 1, 1), WIDTHS[:3], "pool", 17),
    "wide": ((1, 2, 1), WIDTHS[:3], None, 16),
}


def pair(case, seed=0):
    """The torch network, ours with its weights, and images."""
    depths, widths, stem, size = CASES[case]
    if stem is None:
        torch_network = reference.WideResNet(depths, widths, 5)
        builder, options = models.WideResNet, {}
    else:
        torch_network = reference.ResNet(depths, widths, stem, 5)
        builder, options = models.ResNet, {"stem": stem}
    torch_network = reference.randomise(torch_network.double(), seed).eval()
    ours = builder(
        depths=depths,
        widths=widths,
        classes=5,
        input_shape=(size, size + 4, 3),
        classifier_activation=None,
        include_preprocessing=False,
        **options,
    )
    state = {k: v.float().numpy() for k, v in torch_network.state_dict().items()}
    images = np.random.default_rng(seed).normal(size=(4, size, size + 4, 3))
    return torch_network, load_torch(ours, state), images.astype("float32")


def to_torch(images):
    return torch.tensor(images).double().permute(0, 3, 1, 2)


def value(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("training", [False, True])
def test_logits_are_torchs(case, training):
    network, ours, images = pair(case)
    expected = network.train(training)(to_torch(images)).detach().numpy()
    found = value(ours(images, training=training))
    assert expected.std() > 0.05
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=2e-5)
    if training:  # the moving averages, too, but for torch's n / (n - 1)
        means = [v for v in ours.variables if v.path.endswith("moving_mean")]
        theirs = [v for k, v in network.state_dict().items() if "running_mean" in k]
        assert len(means) == len(theirs)
        norms = sorted(float(value(v).std()) for v in means)
        assert np.allclose(
            norms, sorted(float(v.std(correction=0)) for v in theirs), atol=1e-4
        )


@pytest.mark.parametrize("case", ["pool", "wide"])
def test_a_step_of_sgd_is_torchs(case):
    """So the gradient of every weight is."""
    network, ours, images = pair(case)
    labels = np.array([0, 3, 1, 4])
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), 0.05)
    loss = torch.nn.functional.cross_entropy(
        network(to_torch(images)), torch.tensor(labels)
    )
    loss.backward()
    optimizer.step()
    state = {k: v.float().numpy() for k, v in network.state_dict().items()}
    stepped = load_torch(keras.models.clone_model(ours), state)
    before = [value(v) for v in ours.trainable_variables]
    ours.compile(
        keras.optimizers.SGD(0.05),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    ours.train_on_batch(images, labels)
    for old, new, expected in zip(
        before, ours.trainable_variables, stepped.trainable_variables, strict=True
    ):
        change, wanted = value(new) - old, value(expected) - old
        assert abs(wanted).max() > 1e-6, new.path
        np.testing.assert_allclose(change, wanted, atol=2e-6 + 2e-3 * abs(wanted).max())


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "name, parameters",
    [
        ("ResNet18", 11_689_512),
        ("ResNet34", 21_797_672),
        ("ResNet18Small", 2_820_740),
        ("WRN16_8", 11_007_540),
    ],
)
def test_parameters(name, parameters):
    """ResNet's are torchvision's; WRN-16-8 has 11.0 M with 10 or 100 classes."""
    model = getattr(models, name)()
    assert sum(math.prod(v.shape) for v in model.trainable_variables) == parameters
    assert models.get(name).parameters == parameters


@pytest.mark.backend_independent
def test_the_name_of_the_paper_finds_it():
    assert models.get("WRN-16-8").builder is models.WRN16_8
    assert "wrn16_8" in models.list_models()


@pytest.mark.backend_independent
def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="'imagenet', 'cifar', 'pool'"):
        models.ResNet(stem="patch")
    with pytest.raises(ValueError, match="one value per stage"):
        models.ResNet(depths=(1, 1), widths=(8, 8, 8))


@pytest.mark.backend_independent
def test_timm_has_the_same_network():
    timm = pytest.importorskip("timm")
    theirs = reference.randomise(timm.create_model("resnet18", num_classes=7)).eval()
    ours = models.ResNet18(
        classes=7,
        input_shape=(96, 64, 3),
        classifier_activation=None,
        include_preprocessing=False,
    )
    load_torch(ours, {k: v.numpy() for k, v in theirs.state_dict().items()})
    images = np.random.default_rng(0).normal(size=(2, 96, 64, 3)).astype("float32")
    with torch.no_grad():
        expected = theirs(torch.tensor(images).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(value(ours(images)), expected, atol=2e-4, rtol=2e-5)
