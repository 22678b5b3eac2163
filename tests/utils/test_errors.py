"""Errors of others, said in one line."""

import pytest

from keras_hybrid.utils.errors import first_line

pytestmark = pytest.mark.backend_independent


@pytest.mark.parametrize(
    "text,line",
    [("broken", "broken"), ("\n  broken \n\nat 3", "broken"), (" \n", "OSError")],
)
def test_first_line(text, line):
    assert first_line(OSError(text)) == line
