"""A missing package is named with its extra; none is imported to find out."""

import subprocess
import sys

import pytest

from keras_hybrid.utils.optional import is_installed, require

pytestmark = pytest.mark.backend_independent


def test_what_is_missing_is_named(monkeypatch):
    require("json", "pathlib", extra="none", what="a test")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError) as caught:
        require("json", "h5py", "no_such_package", extra="galaxy10", what="galaxy10")
    assert str(caught.value) == (
        "galaxy10 needs h5py, no_such_package: pip install 'keras_hybrid[galaxy10]'"
    )
    with pytest.raises(ImportError, match=r"^toy needs h5py\.$"):
        require("h5py", extra="", what="toy")


def test_it_is_found_without_an_import():
    code = (
        "import sys; from keras_hybrid.utils.optional import is_installed; "
        "assert is_installed('wsgiref') and 'wsgiref' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert not is_installed("no_such_package")
