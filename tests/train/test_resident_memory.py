"""Training holds its memory: what grows per epoch would end a long run."""

import pathlib
import resource

import keras
import pytest

from keras_hybrid.train.fit import fit
from tests.train.tiny import images, network, recipe

STATUS = pathlib.Path("/proc/self/statm")
EPOCHS, FIRST = 200, 20
"""Epochs, and those in which functions are compiled and buffers are taken."""


def resident_mib():
    pages = int(STATUS.read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="no /proc on this system")
def test_epochs_do_not_take_memory(tmp_path):
    taken = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: taken.append(resident_mib())
    )
    settings = recipe(
        epochs=EPOCHS, optimizer="muon", ema_momentum=0.9, keep_best="accuracy"
    )
    data = images(), images(8)
    fit(settings, tmp_path, network(), *data, callbacks=[watch])
    assert len(taken) == EPOCHS
    assert taken[-1] - taken[FIRST] < 10
