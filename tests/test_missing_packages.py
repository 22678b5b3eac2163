"""Every optional package is missed before the work that needs it, in one line."""

import sys

import numpy as np
import pytest
from PIL import Image

from keras_hybrid import data, models, train
from keras_hybrid.cli import main
from keras_hybrid.data import galaxy10, tfds
from keras_hybrid.train import tune  # noqa: F401  imports it
from keras_hybrid.train.sweep import sweep
from keras_hybrid.utils.optional import is_installed

pytestmark = pytest.mark.backend_independent


@pytest.fixture
def hide(monkeypatch):
    """Hides packages, as if they were not installed."""

    def missing(*packages):
        for package in packages:
            monkeypatch.setitem(sys.modules, package, None)

    return missing


def never(*arguments, **options):
    raise AssertionError("the work has begun")


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("ant", "bee"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(4):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype="uint8")
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    """Where nothing may appear; a run that trains or reads its images fails."""
    for name in ("prepare", "folds", "tune"):
        module = sys.modules[f"keras_hybrid.train.{name}"]
        monkeypatch.setattr(module, "load_images", never)
    return tmp_path / "work"


def line_of(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(x) for x in arguments])
    assert ended.value.code == 2
    text = capsys.readouterr().err.strip()
    assert text.startswith("error: ") and "\n" not in text
    return text


@pytest.mark.parametrize(
    ("package", "options", "extra"),
    [
        ("matplotlib", (), "recipes"),
        ("keras_cv", ("--augmenter", "keras_cv"), "keras-cv"),
        ("imagehash", ("--group-by", "auto"), "check"),
        ("sklearn", ("--group-by", "parent"), "check"),
        ("tensorflow", ("--export", "litert"), "export"),
        ("huggingface_hub", ("--weights", "hf://me/mine"), "hub"),
        ("huggingface_hub", ("--weights", "imagenet", "--model", "convit_tiny"), "hub"),
        ("safetensors", ("--weights", "timm/convit_tiny.fb_in1k"), "weights"),
        ("safetensors", ("--weights", "a.safetensors"), "weights"),
    ],
)
def test_train(package, options, extra, hide, photos, workdir, capsys):
    hide(package)
    given = ("--dataset", "folder", "--data-dir", photos, "--workdir", workdir)
    text = line_of(capsys, "train", *given, *options)
    assert package in text and text.endswith(f"pip install 'keras_hybrid[{extra}]'")
    assert not workdir.exists()


def test_a_sweep_and_folds(hide, workdir):
    hide("matplotlib")
    recipe = train.Recipe.of(dataset="digits", folds=2, workdir=str(workdir))
    with pytest.raises(ImportError, match=r"keras_hybrid\[recipes\]"):
        train.run(recipe)
    with pytest.raises(ImportError, match=r"keras_hybrid\[recipes\]"):
        sweep({"a": recipe}, workdir / "runs.csv")
    assert not workdir.exists()


@pytest.mark.parametrize("package", ["optuna", "matplotlib", "sklearn"])
def test_tune(package, hide, photos, workdir, capsys):
    hide(package)
    text = line_of(capsys, "tune", "--data-dir", photos, "--workdir", workdir)
    assert text == f"error: tune needs {package}: pip install 'keras_hybrid[tune]'"
    assert not workdir.exists()


def test_datasets(hide, monkeypatch, tmp_path):
    hide("sklearn", "h5py", "tensorflow_datasets")
    monkeypatch.setattr(type(galaxy10.FILE), "fetch", never)
    for name, extra in (
        ("digits", "digits"),
        ("galaxy10", "galaxy10"),
        ("tfds:mnist", "tfds"),
    ):
        with pytest.raises(ImportError, match=rf"keras_hybrid\[{extra}\]'$"):
            data.load(name, tmp_path)
    (tmp_path / "mnist").mkdir()
    assert not tfds.is_prepared("mnist", tmp_path)
    assert [x.name for x in tmp_path.iterdir()] == ["mnist"]


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        (("export", "MODEL", "--formats", "litert"), "ai_edge_litert", "export"),
        (("export", "MODEL", "--formats", "onnx"), "onnxscript", "onnx"),
        (("export", "MODEL", "--formats", "openvino"), "openvino", "openvino"),
        (("predict", "MODEL", "photos", "--ray", "--out", "found"), "ray", "ray"),
        (("evaluate", "MODEL", "photos"), "matplotlib", "recipes"),
        (("analyse", "MODEL", "--images", "photos"), "matplotlib", "recipes"),
        (
            ("convert", "MODEL", "--to", "timm", "--out", "w.safetensors"),
            "safetensors",
            "weights",
        ),
        (("weights", "pin", "timm/convit_tiny.fb_in1k"), "huggingface_hub", "hub"),
    ],
)
def test_commands(command, package, extra, hide, monkeypatch, tmp_path, capsys):
    """A model that is not there would be the next error."""
    hide(package)
    monkeypatch.chdir(tmp_path)
    text = line_of(capsys, *command)
    assert package in text and text.endswith(f"pip install 'keras_hybrid[{extra}]'")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not is_installed("huggingface_hub"), reason="its client")
@pytest.mark.parametrize(
    ("weights", "package"),
    [
        ("imagenet", "huggingface_hub"),
        ("timm/convit_tiny.fb_in1k", "safetensors"),
        ("facebookresearch/convit_tiny", "torch"),
        ("hf://me/mine", "huggingface_hub"),
        ("mine.pth", "torch"),
    ],
)
def test_weights(weights, package, hide, monkeypatch):
    """Neither a download nor a built model comes first."""
    monkeypatch.setattr("huggingface_hub.hf_hub_download", never)
    monkeypatch.setattr("keras_hybrid.weights.resolver.download", never)
    monkeypatch.setattr("keras_hybrid.models.registry.assemble", never)
    hide(package)
    with pytest.raises(ImportError, match=f"needs {package}: pip install"):
        models.ConViTTiny(weights=weights)
