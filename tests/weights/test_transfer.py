"""Torch checkpoints in: every form of file, and every way they can be wrong."""

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.weights import load_torch

pytestmark = pytest.mark.backend_independent


def build(golden, **arguments):
    config = golden.config
    fields = {key: tuple(config[key]) for key in ("widths", "heads", "depths")}
    defaults = {"input_shape": (72, 56, 3), "classes": 7}
    return models.CvT(**fields | defaults | arguments)


@pytest.fixture
def checkpoint(golden):
    return golden("cvt_micro_official")


def kernel(model):
    return keras.ops.convert_to_numpy(model.get_layer("stage1_embedding").conv.kernel)


def test_every_kind_of_file(checkpoint, tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.numpy import save_file

    tensors = {k: torch.tensor(v) for k, v in checkpoint.state_dict.items()}
    save_file(checkpoint.state_dict, tmp_path / "flat.safetensors")
    torch.save(tensors, tmp_path / "flat.pth")
    torch.save({"model": tensors, "epoch": 3}, tmp_path / "nested.pt")
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in tensors.items()}},
        tmp_path / "parallel.bin",
    )
    expected = checkpoint.state_dict["stage0.patch_embed.proj.weight"]
    for path in sorted(tmp_path.iterdir()):
        model = load_torch(build(checkpoint), path)
        np.testing.assert_array_equal(kernel(model), expected.transpose(2, 3, 1, 0))


def test_weights_argument_of_a_builder(checkpoint, tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "cvt.safetensors"
    save_file(checkpoint.state_dict, path)
    model = build(checkpoint, weights=path)
    assert np.array_equal(kernel(model), kernel(load_torch(build(checkpoint), path)))


def test_another_classifier_is_skipped_on_request(checkpoint):
    model = build(checkpoint, classes=3)
    head = keras.ops.convert_to_numpy(model.get_layer("head").kernel)
    with pytest.raises(ValueError, match=r"misshapen: head\.weight"):
        load_torch(model, checkpoint.state_dict)
    load_torch(model, checkpoint.state_dict, head="skip")
    np.testing.assert_array_equal(model.get_layer("head").kernel, head)
    assert np.abs(kernel(model)).max() > 0.1


def test_all_faults_are_named_and_nothing_is_assigned(checkpoint):
    model = build(checkpoint)
    before = kernel(model)
    broken = dict(checkpoint.state_dict)
    del broken["stage1.blocks.0.norm1.weight"]
    broken["stage1.blocks.0.norm9.weight"] = np.zeros(4)
    broken["norm.bias"] = np.zeros(5)
    with pytest.raises(ValueError) as error:
        load_torch(model, broken)
    for fault in (
        "missing: stage2_block1_attention_norm/gamma",
        "unexpected: stage1.blocks.0.norm9.weight (4,)",
        "misshapen: norm.bias (5,) for norm/beta (48,)",
    ):
        assert fault in str(error.value)
    np.testing.assert_array_equal(kernel(model), before)


def test_unknown_names_are_refused(checkpoint):
    with pytest.raises(ValueError, match=r"(?s)No name map recognises.*features\.0"):
        load_torch(build(checkpoint), {"features.0.weight": np.zeros(3)})


def test_damaged_and_hostile_files_are_refused(checkpoint, tmp_path):
    torch = pytest.importorskip("torch")
    import pickle

    class Hostile:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    (tmp_path / "hostile.pth").write_bytes(pickle.dumps({"model": Hostile()}))
    tensors = {k: torch.tensor(v) for k, v in checkpoint.state_dict.items()}
    torch.save(tensors, tmp_path / "whole.pth")
    whole = (tmp_path / "whole.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "cut.safetensors").write_bytes(b"\x00" * 20)
    (tmp_path / "weights.txt").write_text("hello")
    for name in ("hostile.pth", "cut.pth", "cut.safetensors", "weights.txt"):
        with pytest.raises(ValueError, match=name):
            load_torch(build(checkpoint), tmp_path / name)
    with pytest.raises(FileNotFoundError):
        load_torch(build(checkpoint), tmp_path / "none.pth")
    assert not (tmp_path / "harm").exists()
