"""A file from a URL: resumed, checked, and explained when it does not come."""

import hashlib

import pytest

from keras_hybrid.utils.download import download
from tests.weights.hub_server import HubServer

pytestmark = pytest.mark.backend_independent

CONTENT = bytes(range(256)) * 40_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    server = HubServer()
    server.files["a/b/c.pth"] = CONTENT
    yield server
    server.shutdown()
    server.server_close()


def fetch(server, folder, digest=SHA256, name="a/b/c.pth"):
    return download(f"{server.storage}/{name}", folder / "new" / "c.pth", digest)


def test_once(server, tmp_path):
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    requests = server.log.total()
    fetch(server, tmp_path)
    assert server.log.total() == requests
    assert [x.name for x in (tmp_path / "new").iterdir()] == ["c.pth"]


def test_it_goes_on_in_the_same_call(server, tmp_path):
    server.fault = "cut"
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [f"bytes={len(CONTENT) // 2}-"]


def test_it_goes_on_in_a_later_call(server, tmp_path):
    server.fault = "short"
    with pytest.raises(ConnectionError, match="goes on from where it stopped"):
        fetch(server, tmp_path)
    had = len(server.ranges)
    server.fault = None
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert len(server.ranges) == had + 1


def test_another_file_in_its_place_starts_anew(server, tmp_path):
    server.fault = "short"
    with pytest.raises(ConnectionError):
        fetch(server, tmp_path)
    server.fault, had = None, len(server.ranges)
    server.files["a/b/c.pth"] = CONTENT[::-1]
    assert fetch(server, tmp_path, "").read_bytes() == CONTENT[::-1]
    assert len(server.ranges) == had


def test_a_damaged_file_is_not_kept(server, tmp_path):
    server.fault = "damaged"
    with pytest.raises(ValueError, match=f"another SHA-256 than {SHA256}"):
        fetch(server, tmp_path)
    assert not list((tmp_path / "new").iterdir())


def test_a_server_that_fails(server, tmp_path):
    server.fault = 503
    with pytest.raises(ConnectionError, match="answers 503 Service Unavailable"):
        fetch(server, tmp_path)
    url = server.storage
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionError, match=r"refused\); the same"):
        download(f"{url}/a", tmp_path / "a")
