"""Training that goes on from a checkpoint, with other classes and another size."""

import keras
import numpy as np
import pytest

from keras_hybrid import models
from tests.small import small

pytestmark = pytest.mark.backend_independent


def values(model):
    kept = [v for v in model.variables if "seed_generator" not in v.path]
    return {v.path: keras.ops.convert_to_numpy(v) for v in kept}


@pytest.mark.parametrize("classes", [5, 3])
def test_from_a_keras_file(classes, randomise, tmp_path, capsys):
    source = randomise(small("convit_tiny", dropout_rate=0.1))
    source.save(tmp_path / "source.keras")
    model = small("convit_tiny", classes=classes)
    before, wanted = values(model), values(source)
    models.load_checkpoint(model, tmp_path / "source.keras")
    for path, value in values(model).items():
        own = path.startswith("head/") and classes == 3
        expected = before[path] if own else wanted[path]
        np.testing.assert_array_equal(value, expected, err_msg=path)
    said = "the checkpoint has 5 classes, not 3" in capsys.readouterr().out
    assert said == (classes == 3)


def test_at_another_size(randomise, tmp_path):
    source = randomise(small("convit_tiny"))
    source.save(tmp_path / "source.keras")
    model = small("convit_tiny", size=(64, 48), weights=tmp_path / "source.keras")
    found, wanted = values(model), values(source)
    (table,) = (path for path in wanted if path.endswith("table"))
    assert found[table].shape != wanted[table].shape
    assert found[table].std() == pytest.approx(wanted[table].std(), rel=0.3)


@pytest.mark.parametrize("classes", [7, 3])
def test_from_torch_names(classes, golden, tmp_path):
    """A classifier of other classes stays; one that fits comes along."""
    from safetensors.numpy import save_file

    checkpoint = golden("cvt_micro_official")
    path = tmp_path / "source.safetensors"
    save_file(checkpoint.state_dict, path)
    fields = {key: checkpoint.config[key] for key in ("widths", "heads", "depths")}
    model = models.CvT(classes=classes, input_shape=(72, 56, 3), **fields)
    own = values(model)["head/kernel"]
    models.load_checkpoint(model, path)
    theirs = checkpoint.state_dict["head.weight"].T
    expected = theirs if classes == 7 else own
    np.testing.assert_array_equal(values(model)["head/kernel"], expected)
    norm = values(model)["norm/gamma"]
    np.testing.assert_array_equal(norm, checkpoint.state_dict["norm.weight"])


def test_what_does_not_fit_is_refused(tmp_path):
    model = small("convit_tiny")
    small("ceit_tiny").save(tmp_path / "other.keras")
    (tmp_path / "cut.keras").write_bytes(b"PK" * 9)
    for name in ("other.keras", "cut.keras"):
        with pytest.raises(ValueError, match=name):
            models.load_checkpoint(model, tmp_path / name)
    with pytest.raises(FileNotFoundError, match="none"):
        models.load_checkpoint(model, tmp_path / "none.keras")
