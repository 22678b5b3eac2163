"""docs/inputs.md says what every reader does with every input."""

import pytest

from tests.docs.inputs import PAGE, page

pytestmark = pytest.mark.backend_independent


def test_the_page_is_what_the_readers_do():
    said, found = PAGE.read_text().splitlines(), page().splitlines()
    hint = "python -m tests.docs.inputs writes the page anew"
    for ours, theirs in zip(found, said, strict=False):
        assert ours == theirs, hint
    assert len(found) == len(said), hint
