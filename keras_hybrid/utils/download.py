"""A file from a URL: resumed after a break, and checked."""

import hashlib
import http.client
import os
import pathlib
import urllib.error
import urllib.request

from keras_hybrid.utils.files import explain_full_disk, follow_no_link, sha256

_ATTEMPTS = 5
_CHUNK = 2**20


def download(url: str, path: pathlib.Path, digest: str = "") -> pathlib.Path:
    """Downloads a file unless it is there already.

    What has arrived before a break is kept beside `path` and continued, in this call or
    in a later one, as long as the server's `ETag` is the same.

    Args:
        url: Address of the file.
        path: Where to write it.
        digest: SHA-256 that a downloaded file must have, in hexadecimal; "" for any.

    Returns:
        `path`.

    Raises:
        ConnectionError: If the file cannot be fetched.
        ValueError: If its content has another SHA-256. It is not kept.
    """
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            part = _fetch(url, path)
            break
        except urllib.error.HTTPError as error:
            raise ConnectionError(
                f"{url}: the server answers {error.code} {error.reason}; try again "
                "later, or download it by hand and give its path."
            ) from error
        except (OSError, http.client.HTTPException) as error:
            if attempt == _ATTEMPTS:
                cause = getattr(error, "reason", error)
                raise ConnectionError(
                    f"{url} did not arrive ({cause}); the same command goes on from "
                    "where it stopped."
                ) from error
    if digest and sha256(part) != digest:
        part.unlink()
        raise ValueError(
            f"{url} has another SHA-256 than {digest}: the file was damaged on its way "
            "or replaced by its owner. Try again, or give the path of a file you trust."
        )
    os.replace(part, path)
    return path


def _fetch(url: str, path: pathlib.Path) -> pathlib.Path:
    """The complete content in a file beside `path`; it goes on with what is there.

    Raises:
        http.client.IncompleteRead: If the connection ends too early.
    """
    with _open(url) as response:
        etag = response.headers.get("ETag", "")
        mark = hashlib.sha256(etag.encode()).hexdigest()[:8]
        part = path.with_name(f".{path.name}.{mark}.part")
        start = part.stat().st_size if etag and part.exists() else 0
        if not start:
            _append(response, part, "wb")
            return part
        size = response.headers.get("Content-Length")
    if str(start) == size:
        return part
    with _open(url, start) as response:
        _append(response, part, "ab" if response.status == 206 else "wb")
    return part


def _open(url: str, start: int = 0) -> http.client.HTTPResponse:
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)
    return urllib.request.urlopen(request, timeout=30)


def _append(response: http.client.HTTPResponse, part: pathlib.Path, mode: str) -> None:
    promised = response.headers.get("Content-Length")
    received = 0
    with explain_full_disk(part), open(part, mode, opener=follow_no_link) as file:
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            received += len(chunk)
    if promised and received < int(promised):
        raise http.client.IncompleteRead(b"", int(promised) - received)
