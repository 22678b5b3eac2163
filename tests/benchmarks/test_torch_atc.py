"""The peers of ATC: the same network in torch, and a ResNet-18 of its cost."""

import dataclasses

import numpy as np
import pytest

from benchmarks.cases import case
from benchmarks.compare import compare
from benchmarks.prepare import keras_model, peer
from benchmarks.rival import rival_widths
from keras_hybrid import models
from keras_hybrid.analysis.complexity import macs

pytestmark = pytest.mark.backend_independent

THIN = {"widths": (16, 32, 48), "heads": (1, 2, 3), "strides": (2, 2, 2)}


def thin(**options):
    """ATC3 with thin layers, with its peer and its rival."""
    return dataclasses.replace(case("atc3"), options=THIN | options)


@pytest.mark.parametrize("options", [{}, {"depths": (1, 2, 2), "strides": (1, 2, 2)}])
def test_the_peer_computes_the_same_logits(options, tmp_path):
    atc = thin(**options)
    peer(atc, tmp_path)
    keras_model(atc, tmp_path)
    model = atc.build()
    model.load_weights(tmp_path / "model.keras")
    with np.load(tmp_path / "reference.npz") as file:
        expected = file["outputs"]
        found = model.predict_on_batch(file["images"])
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("task", ["inference", "training"])
def test_atc_beside_its_peers(task):
    candidates = ("torch", "peer", "resnet18")
    (rows,) = compare(thin(), candidates, task, [2], rounds=1)
    assert [row.candidate for row in rows] == list(candidates)
    assert [row.facts["difference"] < 2e-5 for row in rows] == [True, True, False]


def test_the_rival_costs_as_much():
    atc = case("atc3")
    widths = rival_widths(atc)
    rival = models.ResNet18(
        widths=widths, stem="cifar", input_shape=atc.input_shape, classes=100
    )
    assert all(width % 8 == 0 for width in widths)
    assert abs(macs(rival) / macs(atc.build()) - 1) < 0.05
