"""A web server for a page on this machine."""

import functools
import http.server
import pathlib
from typing import Any


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Files, with the headers that let WebAssembly use threads."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        ".onnx": "application/octet-stream",
    }

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass  # a page is no server log


def page_server(folder: pathlib.Path, port: int = 0) -> http.server.ThreadingHTTPServer:
    """A server of a folder for this machine alone; `serve_forever` starts it.

    Args:
        folder: The folder.
        port: The port; 0 takes a free one.

    Raises:
        OSError: If the port is taken.
    """
    handler = functools.partial(_Handler, directory=str(folder))
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)


def address(server: http.server.ThreadingHTTPServer) -> str:
    """The address of its page."""
    return f"http://localhost:{server.server_address[1]}/"
