"""The app of docs/serve.md, with 200 requests at once."""

import base64
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tests.inference.conftest import save_images, save_run, tiny

pytest.importorskip("litserve")
pytestmark = [pytest.mark.backend_independent, pytest.mark.slow]
PAGE = pathlib.Path(__file__).parents[2] / "docs/serve.md"
REQUESTS = 200


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The port of the app, and a folder of images."""
    folder = tmp_path_factory.mktemp("served")
    save_run(folder / "saved_models/digits-atc3", tiny())
    save_images(folder / "photos", 8)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (app,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    (folder / "app.py").write_text(app.replace("port=8000", f"port={port}"))
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(PAGE.parents[1])},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            end = time.monotonic() + 300
            while not _is_ready(port):
                assert process.poll() is None and time.monotonic() < end, (
                    folder / "log"
                ).read_text()
                time.sleep(0.5)
            yield port, folder / "photos"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _is_ready(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False


def ask(port, content):
    """Status and answer of a request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    body = json.dumps({"image": base64.b64encode(content).decode()})
    connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_two_hundred_at_once(served):
    """Each is answered: some at once, some after a refusal."""
    port, photos = served
    files = [(photos / f"{i}.png").read_bytes() for i in range(8)]
    alone = [ask(port, content) for content in files]
    assert {status for status, _ in alone} == {200}
    together = threading.Barrier(REQUESTS)

    def until_answered(i):
        together.wait()
        refused, first = 0, time.monotonic()
        while True:
            began = time.monotonic()
            status, answer = ask(port, files[i % 8])
            now = time.monotonic()
            if status == 200:
                return answer, refused, now - began, now - first
            assert status == 503 and answer == {"error": "busy"}
            refused += 1
            time.sleep(0.2)

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(REQUESTS) as pool:
        found = list(pool.map(until_answered, range(REQUESTS)))
    seconds = time.monotonic() - began
    for i, (answer, *_) in enumerate(found):
        best = alone[i % 8][1]["predictions"][0]
        assert answer["predictions"][0]["class"] == best["class"]
    refused = sum(x[1] for x in found)
    assert refused > 0
    served_in, in_all = (
        np.percentile([x[i] for x in found], [50, 99]) * 1000 for i in (2, 3)
    )
    print(
        f"{REQUESTS} requests in {seconds:.2f} s, {REQUESTS / seconds:.0f} per second; "
        f"p50 {served_in[0]:.0f} ms, p99 {served_in[1]:.0f} ms of those served; with "
        f"waiting {in_all[0]:.0f} and {in_all[1]:.0f} ms; {refused} times refused"
    )


def test_what_is_no_image_spoils_no_batch(served):
    port, photos = served
    good = (photos / "0.png").read_bytes()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [good, b"no image"] * 4
        found = list(pool.map(lambda x: ask(port, x), asked))
    assert [status for status, _ in found] == [200, 400] * 4
    assert "cannot be read as an image" in found[1][1]["error"]
