"""A family from outside the package: in one process, and as an installed package."""

import dataclasses
import importlib
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_hybrid import analysis, data, models, weights
from keras_hybrid.cli import main
from keras_hybrid.models import registry
from keras_hybrid.weights import name_map
from tests.installed import install

ROOT = pathlib.Path(__file__).parents[2]
TOY = pathlib.Path(__file__).with_name("toy_family.py")
ENTRY_POINTS = """\
[keras_hybrid.models]
toy = toy_family
[keras_hybrid.datasets]
noise = toy_family:load_noise
"""
BROKEN = """\
[keras_hybrid.models]
broken = no_such_module_anywhere
"""


@pytest.fixture
def unregistered(tmp_path, monkeypatch):
    """Until the end of the test, what it registers; a folder to install into."""
    monkeypatch.setattr(registry, "_VARIANTS", dict(registry._VARIANTS))
    monkeypatch.setattr(name_map, "_NAME_MAPS", dict(name_map._NAME_MAPS))
    monkeypatch.delitem(sys.modules, "toy_family", raising=False)
    monkeypatch.syspath_prepend(tmp_path / "installed")
    yield tmp_path / "installed"
    sys.modules.pop("toy_family", None)


@pytest.fixture
def toy(unregistered):
    """The module, imported as a user's own file, without an entry point."""
    install(unregistered, TOY, "")
    return importlib.import_module("toy_family")


def convs(model):
    return [x.name for x in model.layers if x.name.startswith("conv")]


@pytest.mark.backend_independent
def test_found_by_name(toy):
    assert models.list_models("toy*") == ["toy1", "toy2"]
    assert models.get("Toy-2").builder is toy.Toy2
    assert convs(models.get("toy2").builder()) == ["conv1", "conv2"]
    for name in ("toy1", "toy2"):
        row = models.get(name)
        assert row.builder().count_params() == row.parameters
        assert analysis.macs(row.builder()) == row.macs
    with pytest.raises(ValueError, match=r"no model 'toy3'\. Nearest: toy"):
        models.get("toy3")


@pytest.mark.backend_independent
def test_config_fields_are_keywords(toy):
    model = toy.Toy(depth=3, width=4, classes=5, input_shape=(16, 16, 3))
    assert convs(model) == ["conv1", "conv2", "conv3"]
    assert model.get_layer("conv3").filters == 4
    assert list(models.features(model)(np.zeros((1, 16, 16, 3)))) == ["stage1"]
    with pytest.raises(TypeError, match=r"no argument 'dept'. Did you mean 'depth'"):
        toy.Toy2(dept=3)
    assert "depth: Number of convolutions. Default 2." in toy.Toy2.__doc__


def test_a_step_of_training_moves_every_weight(toy):
    model = toy.Toy2()
    before = model.get_weights()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy())
    rng = np.random.default_rng(0)
    model.train_on_batch(rng.uniform(0, 255, (20, 32, 32, 3)), np.arange(20) % 10)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert (old != new).any()


@pytest.mark.backend_independent
def test_a_name_belongs_to_one_family(toy):
    other = dataclasses.replace(toy.FAMILY, name="Other")
    for name in ("Toy1", "Toy_1", "CvT13"):
        with pytest.raises(ValueError, match=r"is taken by the (Toy|CvT) family"):
            models.variant(other, name, parameters=1, macs=1)
    again = models.variant(toy.FAMILY, "Toy1", parameters=1, macs=1)
    assert models.get("toy1").builder is again  # as when a notebook runs a cell again


@pytest.mark.backend_independent
def test_a_field_with_the_name_of_a_common_argument_is_refused(toy):
    config = dataclasses.make_dataclass(
        "Config", [("pooling", str, "avg")], bases=(toy.ToyConfig,), frozen=True
    )
    family = dataclasses.replace(toy.FAMILY, config=config)
    with pytest.raises(ValueError, match=r"Config has fields .*: pooling"):
        models.family_builder(family)


@pytest.mark.backend_independent
def test_names_of_variants_in_any_style(toy):
    for name in ("Toy_small", "ToyV3", "toy4"):
        models.variant(toy.FAMILY, name, parameters=1, macs=1)
    assert models.list_models("toy*")[2:] == ["toy_small", "toy_v3", "toy4"]


def test_torch_weights_give_the_logits_of_torch(toy, tmp_path):
    torch = pytest.importorskip("torch")

    class TorchToy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.convs = torch.nn.ModuleList(
                torch.nn.Conv2d(channels, 8, 3, 2, 1) for channels in (3, 8)
            )
            self.fc = torch.nn.Linear(8, 10)

        def forward(self, x):
            for conv in self.convs:
                x = torch.relu(conv(x))
            return self.fc(x.mean((2, 3)))

    network = TorchToy()
    torch.save(network.state_dict(), tmp_path / "toy.pth")
    x = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype("float32")
    with torch.no_grad():
        expected = network(torch.tensor(x)).numpy()
    model = toy.Toy2(
        weights=tmp_path / "toy.pth",
        classifier_activation=None,
        include_preprocessing=False,
    )
    found = keras.ops.convert_to_numpy(model(x.transpose(0, 2, 3, 1)))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(ValueError, match=r"Toy.*\n.*unexpected: convs\.1\.weight"):
        weights.load_torch(toy.Toy1(), tmp_path / "toy.pth")


@pytest.mark.backend_independent
def test_the_map_that_fits_the_model_is_used(toy):
    """Not the first whose marker is found: many code bases have `patch_embed`."""
    weights.register_name_map(
        weights.NameMap(
            "Toy with other names",
            marker=r"^patch_embed\.proj\.",
            table={"patch_embed.proj": "conv1", "head": "head"},
        )
    )
    state = {
        "patch_embed.proj.weight": np.ones((8, 3, 3, 3)),
        "patch_embed.proj.bias": np.ones(8),
        "head.weight": np.ones((10, 8)),
        "head.bias": np.full(10, 2.0),
    }
    model = weights.load_torch(toy.Toy1(), state)
    assert (keras.ops.convert_to_numpy(model.get_layer("head").bias) == 2).all()


@pytest.mark.backend_independent
def test_an_entry_point_is_imported_where_it_is_needed(unregistered, capsys):
    install(unregistered, TOY, ENTRY_POINTS)
    models.get("cvt13")
    assert "toy_family" not in sys.modules
    assert models.get("toy2").parameters == 898
    main(["list", "toy*"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["toy1", "toy2"]
    assert data.load("noise").class_names == ("ant", "bee")


@pytest.mark.backend_independent
def test_a_broken_package_is_a_warning(unregistered):
    install(unregistered, TOY, BROKEN)
    with pytest.warns(UserWarning, match=r"broken .*no_such_module_anywhere.*cannot"):
        assert "cvt13" in models.list_models()


@pytest.mark.backend_independent
def test_an_installed_package_on_the_command_line(tmp_path):
    """Trained in one process; listed and loaded in a fresh one."""
    path = f"{install(tmp_path / 'installed', TOY, ENTRY_POINTS)}{os.pathsep}{ROOT}"

    def python(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    options = "--model toy2 --model-options width=4 --dataset noise --workdir run"
    more = "--epochs 1 --warmup-epochs 0 --batch-size 32 --validation-split 0"
    program = ("-m", "keras_hybrid", "train")
    assert "toy2 on noise" in python(*program, *options.split(), *more.split())
    images = data.Split(*_noise(tmp_path)).images[:2]
    np.save(tmp_path / "images.npy", images)
    script = (
        "import keras, numpy; from keras_hybrid.cli import main; "
        "main(['list', 'toy*']); main(['info', 'toy2']); "
        "model = keras.models.load_model('run/model.keras'); "
        "print(model.predict(numpy.load('images.npy'), verbose=0).tolist())"
    )
    *lines, printed = python("-c", script).splitlines()
    assert lines[0].startswith("toy1") and lines[1].startswith("toy2")
    assert any("Number of convolutions." in line for line in lines)
    loaded = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert loaded.get_layer("conv2").filters == 4
    np.testing.assert_allclose(
        json.loads(printed), loaded.predict(images, verbose=0), atol=1e-6
    )


def _noise(folder):
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (4, 32, 32, 3), "uint8"), np.arange(4) % 2
