"""A hub on this machine, which the client of the Hugging Face hub talks to."""

import time

import pytest

from tests.weights.hub_server import HubServer


class Impatient:
    """The module `time` without waiting between attempts."""

    def __getattr__(self, name):
        return getattr(time, name)

    def sleep(self, seconds):
        pass


@pytest.fixture
def hub(monkeypatch, tmp_path):
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import constants, file_download
    from huggingface_hub.utils import _http

    server = HubServer()
    changes = {
        "ENDPOINT": server.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": f"{server.url}"
        "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_PROGRESS_BARS": True,
        "DOWNLOAD_CHUNK_SIZE": 1024,
        "HF_HUB_ETAG_TIMEOUT": 0.3,
        "HF_HUB_DOWNLOAD_TIMEOUT": 0.3,
    }
    for name, value in changes.items():  # it has read its environment on import
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setattr(file_download, "_ETAG_RETRY_TIMEOUT", 0.3, raising=False)
    for module in (_http, file_download):
        monkeypatch.setattr(module, "time", Impatient())
    yield server
    server.shutdown()
    server.server_close()
