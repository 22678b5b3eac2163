"""Side by side: what is compared is equal, and what is not is refused."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_hybrid.bench import race as race_module
from keras_hybrid.bench.candidates import CANDIDATES
from keras_hybrid.bench.race import Row, Unequal, race
from keras_hybrid.bench.subjects import Subject, subject
from keras_hybrid.bench.table import lines
from keras_hybrid.bench.terms import Setup

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="a race starts its own backends"
)
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
        place = torch.arange(count)
        rows, columns = place // 14, place % 14
        dy, dx = rows[None] - rows[:, None], columns[None] - columns[:, None]
        offsets = torch.stack([dx, dy, dx**2 + dy**2], -1).float()
        place = self.pos_proj(offsets).permute(2, 0, 1).softmax(-1)
        gate = torch.sigmoid(self.gating_param)[:, None, None]
        weights = (1 - gate) * content + gate * place
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
    """A folder with code of others."""
    (tmp_path / "code.py").write_text(PEER)
    return str(tmp_path)


@pytest.mark.parametrize("task", ["inference", "training"])
def test_ours_beside_a_peer(task, official):
    layer = Subject("gpsa_tiny", "official:code:right")
    candidates = ("jax", "torch", "peer")
    (rows,) = race(layer, candidates, task, [2], rounds=2, official=official)
    assert [row.candidate for row in rows] == list(candidates)
    for row in rows:
        assert row.difference < 1e-5 and row.host_megabytes > 50
        assert 0 < row.fastest <= row.seconds <= row.slowest
    assert rows[0].difference > 0  # another implementation, not the same
    assert rows[0].revision == rows[1].revision
    text = "\n".join(lines(rows))
    assert all(name in text for name in candidates)


def test_a_peer_of_other_numbers_is_refused(official):
    """Wrong from its weights on: the reference is the peer's, and ours differs."""
    layer = Subject("gpsa_tiny", "official:code:wrong")
    with pytest.raises(Unequal, match="jax differs from the reference by"):
        next(race(layer, ("jax",), "inference", [1], 1, official=official))


def test_files_take_part():
    atc = Subject("atc3", options={"strides": (2, 2, 2), "widths": (16, 48, 96)})
    (rows,) = race(atc, ("jax", "litert", "onnx"), "inference", [3], rounds=1)
    assert all(row.difference < 1e-5 for row in rows)
    assert rows[0].peer == ""


def test_losses_have_to_be_the_same():
    class Worker:
        name = "one"

    other = type("Other", (), {"name": "two"})
    race_module._check_losses([Worker, other], [[2.0, 1.9], [2.0, 1.9001]], "float32")
    with pytest.raises(Unequal, match="two"):
        race_module._check_losses([Worker, other], [[2.0, 1.9], [2.0, 1.8]], "float32")


def test_who_can_do_what():
    able = race_module._able
    assert "onnx" not in able(subject("cvt13"), CANDIDATES, "training")
    assert "peer" not in able(subject("atc3"), CANDIDATES, "inference")
    assert "litert" not in able(subject("gpsa_tiny"), CANDIDATES, "inference")
    assert able(subject("cvt13"), CANDIDATES, "inference") == list(CANDIDATES)


def test_missing_official_code_is_named():
    with pytest.raises(RuntimeError, match="--official DIR"):
        next(race(subject("ceit_tiny"), ("peer",), "inference", [1], 1))


def test_ratios_are_to_the_fastest_peer():
    values = {field.name: 0 for field in dataclasses.fields(Row)}
    values |= {"subject": "x", "peer": "timm:x", "batch_size": 8, "control_spread": 1.3}
    medians = {"jax": 0.5, "peer": 2.0, "peer-compiled": 1.0, "control": 4.0}
    rows = [
        Row(**values | {"candidate": name, "seconds": s, "fastest": s, "slowest": s})
        for name, s in medians.items()
    ]
    text = lines(rows)
    assert text[3].split()[:6] == ["jax", "500.0", "1.00", "16.0", "2.00", "8.00"]
    assert "not quiet" in text[-1]


def test_weights_of_a_peer_are_nowhere_trivial(official, tmp_path):
    from keras_hybrid.bench.publish import peer

    setup = Setup("jax", subject("cvt13"), "folder")
    assert Setup.from_json(setup.to_json()) == setup
    peer(Subject("gpsa_tiny", "official:code:right"), tmp_path, official)
    with np.load(tmp_path / "weights.npz") as file:
        assert all(np.ptp(file[name]) > 0.01 for name in file)
