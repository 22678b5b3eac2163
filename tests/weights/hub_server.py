"""A server on this machine that speaks the protocol of the Hugging Face hub.

Files are answered as the hub answers large ones: HEAD and GET of `resolve` redirect to
another host, whose GET takes ranges. It can fail in the ways that servers do.
"""

import collections
import hashlib
import http.server
import re
import threading
import time

from tests.weights.hub_uploads import Uploads

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class HubServer(http.server.ThreadingHTTPServer):
    """Serves `files`: `{"owner/name/file": bytes}`.

    `fault` is a status that every request gets, or `"cut"`: the first answer with
    content breaks off in its middle; `"short"`: every answer does; `"damaged"`: content
    has another byte; `"slow"`: no answer for a second. `log` counts the requests.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.fault = None
        self.log = collections.Counter()
        self.ranges = []
        self.repositories = {}
        self.uploads = {}
        self.refused = {}
        self.tokens = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def storage(self):
        return f"http://localhost:{self.server_port}/storage"


class Handler(Uploads, http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        server = self.server
        server.log[self.command] += 1
        if server.fault == "slow":
            time.sleep(1)
        if isinstance(server.fault, int):
            return self.send(server.fault)
        if match := re.fullmatch(r"/storage/(.+)", self.path):
            return self.content(server.files[match[1]])
        if match := re.fullmatch(r"/api/models/(.+)", self.path):
            name = match[1]
            if name not in server.repositories:
                return self.send(404, {"X-Error-Code": "RepoNotFound"})
            return self.reply({"id": name, "private": server.repositories[name]})
        match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        if not match:
            return self.send(404)
        repository, revision, file = match.groups()
        if not any(name.startswith(f"{repository}/") for name in server.files):
            return self.send(401, {"X-Error-Code": "RepoNotFound"})
        if revision not in ("main", COMMIT):
            return self.send(404, {"X-Error-Code": "RevisionNotFound"})
        if (name := f"{repository}/{file}") not in server.files:
            return self.send(404, {"X-Error-Code": "EntryNotFound"})
        content = server.files[name]
        digest = hashlib.sha256(content).hexdigest()
        return self.send(
            302,
            {
                "X-Repo-Commit": COMMIT,
                "X-Linked-Size": str(len(content)),
                "X-Linked-Etag": f'"{digest}"',
                "Location": f"{server.storage}/{name}",
            },
        )

    def content(self, content):
        start = 0
        headers = {"ETag": f'"{hashlib.md5(content).hexdigest()}"'}
        if wanted := self.headers.get("Range"):
            self.server.ranges.append(wanted)
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            headers["Content-Range"] = (
                f"bytes {start}-{len(content) - 1}/{len(content)}"
            )
        body = content[start:]
        if self.server.fault == "damaged":
            body = body[:-1] + bytes([body[-1] ^ 1])
        sent = body
        if self.server.fault in ("cut", "short"):
            sent = body[: len(body) // 2]
            self.close_connection = True
            if self.server.fault == "cut" and self.command == "GET":
                self.server.fault = None
        self.send(206 if start else 200, headers, len(body), sent)

    def send(self, status, headers=(), length=0, body=b""):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
