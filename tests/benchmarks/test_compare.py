"""Candidates with equal outputs are timed; a mismatch is an error."""

import numpy as np
import pytest

from benchmarks import compare as compare_module
from benchmarks.candidates import CANDIDATES
from benchmarks.cases import Case, case
from benchmarks.compare import OutputMismatch, compare
from benchmarks.compare_table import lines
from benchmarks.harness import Row, Timing
from benchmarks.setup import Setup

pytestmark = pytest.mark.backend_independent
# Official code on disk: a peer of the layer, written by the definition of GPSA.
PEER = """
import torch


class Attention(torch.nn.Module):
    def __init__(self, width, heads, scores):
        super().__init__()
        linear = torch.nn.Linear
        self.qk = linear(width, 2 * width, bias=False)
        self.v = linear(width, width, bias=False)
        self.proj = linear(width, width)
        self.pos_proj = linear(3, heads)
        self.gating_param = torch.nn.Parameter(torch.ones(heads))
        self.heads = heads
        self.scores = scores

    def forward(self, x):
        batch, count, width = x.shape
        split = lambda t: t.reshape(batch, count, self.heads, -1).transpose(1, 2)
        q, k = map(split, self.qk(x).chunk(2, -1))
        content = (q @ k.transpose(2, 3) * (width // self.heads) ** -0.5).softmax(-1)
        index = torch.arange(count)
        rows, columns = index // 14, index % 14
        dy, dx = rows[None] - rows[:, None], columns[None] - columns[:, None]
        offsets = torch.stack([dx, dy, dx**2 + dy**2], -1).float()
        position = self.pos_proj(offsets).permute(2, 0, 1).softmax(-1)
        gate = torch.sigmoid(self.gating_param)[:, None, None]
        weights = (1 - gate) * content + gate * position
        out = (weights @ split(self.v(x))).transpose(1, 2).reshape(x.shape)
        return self.proj(out) * self.scores


class Layer(torch.nn.Module):
    def __init__(self, scores):
        super().__init__()
        self.pos_embed = torch.nn.Parameter(torch.zeros(1, 196, 192))
        block = torch.nn.Module()
        block.attn = Attention(192, 4, scores)
        self.blocks = torch.nn.ModuleList([block])

    def forward(self, x):
        return self.blocks[0].attn(x.flatten(2).transpose(1, 2) + self.pos_embed)


def right():
    return Layer(1.0)


def wrong():
    return Layer(1.01)
"""


@pytest.fixture
def official(tmp_path):
    """A folder with the official code of a peer."""
    (tmp_path / "code.py").write_text(PEER)
    return str(tmp_path)


@pytest.mark.parametrize("task", ["inference", "training"])
def test_keras_beside_a_peer(task, official):
    layer = Case("gpsa_tiny", "official:code:right")
    candidates = ("jax", "torch", "peer")
    (rows,) = compare(layer, candidates, task, [2], rounds=2, official=official)
    assert [row.candidate for row in rows] == list(candidates)
    for row in rows:
        assert row.facts["difference"] < 1e-5 and row.facts["host_megabytes"] > 50
        assert 0 < row.timing.fastest <= row.timing.seconds <= row.timing.slowest
    assert rows[0].facts["difference"] > 0  # another implementation, not the same
    columns = [row.columns() for row in rows]
    assert columns[0]["revision"] == columns[1]["revision"]
    assert columns[0]["processor_seconds"] > 0
    text = "\n".join(lines(rows))
    assert all(name in text for name in candidates)


def test_a_peer_with_other_outputs_is_an_error(official):
    """The reference is the output of the peer, from which the Keras model differs."""
    layer = Case("gpsa_tiny", "official:code:wrong")
    with pytest.raises(OutputMismatch, match="jax differs from the reference by"):
        next(compare(layer, ("jax",), "inference", [1], 1, official=official))


def test_exported_files_are_compared():
    atc = Case("atc3", options={"strides": (2, 2, 2), "widths": (16, 48, 96)})
    (rows,) = compare(atc, ("jax", "litert", "onnx"), "inference", [3], rounds=1)
    assert all(row.facts["difference"] < 1e-5 for row in rows)
    assert rows[0].facts["peer"] == ""


def test_losses_must_agree():
    class Worker:
        name = "one"

    other = type("Other", (), {"name": "two"})
    compare_module._check_losses(
        [Worker, other], [[2.0, 1.9], [2.0, 1.9001]], "float32"
    )
    with pytest.raises(OutputMismatch, match="two"):
        compare_module._check_losses(
            [Worker, other], [[2.0, 1.9], [2.0, 1.8]], "float32"
        )


def test_supported_tasks():
    supported = compare_module._supported
    assert "onnx" not in supported(case("cvt13"), CANDIDATES, "training")
    assert "peer" not in supported(case("resnet18"), CANDIDATES, "inference")
    assert "resnet18" not in supported(case("cvt13"), CANDIDATES, "inference")
    assert supported(case("atc3"), CANDIDATES, "inference") == list(CANDIDATES)
    assert "litert" not in supported(case("gpsa_tiny"), CANDIDATES, "inference")


def test_missing_official_code_is_named():
    with pytest.raises(RuntimeError, match="--official DIR"):
        next(compare(case("ceit_tiny"), ("peer",), "inference", [1], 1))


def test_ratios_are_to_the_fastest_peer():
    facts = {
        "peer": "timm:x",
        "control_spread": 1.3,
        "compile_seconds": 0.0,
        "host_megabytes": 0,
        "device_megabytes": None,
    }
    medians = {"jax": 0.5, "peer": 2.0, "peer-compiled": 1.0, "control": 4.0}
    rows = [
        Row("x", name, "inference", 8, timing=Timing(s, s, s, s, 1), facts=facts)
        for name, s in medians.items()
    ]
    text = lines(rows)
    assert text[3].split()[:6] == ["jax", "500.0", "1.00", "16.0", "2.00", "8.00"]
    assert "busy with other work" in text[-1]


def test_weights_of_a_peer_are_random(official, tmp_path):
    from benchmarks.prepare import peer

    setup = Setup("jax", case("cvt13"), "folder")
    assert Setup.from_json(setup.to_json()) == setup
    peer(Case("gpsa_tiny", "official:code:right"), tmp_path, official)
    with np.load(tmp_path / "weights.npz") as file:
        assert all(np.ptp(file[name]) > 0.01 for name in file)
