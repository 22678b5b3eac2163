"""A SavedModel is looked through before TensorFlow loads it."""

import numpy as np
import pytest

from keras_hybrid.export.check import run_in_subprocess
from keras_hybrid.export.check_saved_model import check_saved_model
from keras_hybrid.inference.open_model import open_model
from tests.export.saved_model_bytes import (
    call,
    constant,
    field,
    function,
    node,
    saved_model,
)

pytestmark = pytest.mark.backend_independent
SAVE = function("save", [node("s", "SaveV2"), node("m", "MergeV2Checkpoints")])
SAVER = field(2, "saving:0")
SERVE = function("serve", [node("r", "Relu")])


@pytest.fixture
def check(tmp_path):
    def of(*parts, **more):
        (tmp_path / "saved_model.pb").write_bytes(saved_model(*parts, **more))
        check_saved_model(tmp_path)

    return of


def test_what_computes_and_saves_itself_passes(check):
    check(
        [node("v", "VarHandleOp"), call("save", "saving")], [SERVE, SAVE], saver=SAVER
    )


@pytest.mark.parametrize(
    "operation",
    [
        *("WriteFile", "ReadFile", "MatchingFiles", "SaveV2", "RestoreV2"),
        *("PyFunc", "EagerPyFunc", "XlaCallModule", "RpcCall", "DataServiceDataset"),
        *("InitializeTableFromTextFileV2", "PrintV2", "WriteSummary", "Abort"),
    ],
)
def test_what_does_more_is_refused(check, operation):
    hostile = [node("h", operation)]
    for graph in (
        [hostile],
        [[], [function("serve", hostile)]],
        [[call("serve")], [SERVE, function("serve", hostile)]],
    ):
        with pytest.raises(ValueError, match=f"more than compute: {operation}"):
            check(*graph)


def test_the_functions_that_save_cannot_be_called_by_others(check):
    others = (
        [function("serve", [call("save")]), SAVE],
        [function("serve", [node("n", "save")]), SAVE],
    )
    for functions in others:
        with pytest.raises(ValueError, match="MergeV2Checkpoints, SaveV2"):
            check([call("save", "saving")], functions, saver=SAVER)


def test_a_constant_of_more_than_there_is_memory(check):
    with pytest.raises(ValueError, match="far more than its own size"):
        check([constant(10**6, 10**6)])
    with pytest.raises(ValueError, match="far more than its own size"):
        check([], [function("serve", [constant(10**6, 10**6)])])


def test_a_graph_in_pieces_is_refused(check, tmp_path):
    (tmp_path / "saved_model.cpb").touch()
    with pytest.raises(ValueError, match="in several files"):
        check([])


def test_every_way_to_run_one_looks_first(tmp_path):
    content = saved_model([node("h", "WriteFile")])
    (tmp_path / "saved_model.pb").write_bytes(content)
    for run in (
        open_model,
        lambda path: run_in_subprocess(path, np.zeros((1, 4, 4, 3))),
    ):
        with pytest.raises(ValueError, match="more than compute: WriteFile"):
            run(tmp_path)
