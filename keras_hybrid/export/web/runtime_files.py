"""The files of ONNX Runtime Web that a page needs: pinned, checked and cached."""

import pathlib
import tarfile

from keras_hybrid.utils.download import download
from keras_hybrid.utils.files import replace, sha256, user_cache
from keras_hybrid.utils.work_folder import work_folder

VERSION = "1.30.0"
_URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
_PACKAGE_SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
_WASM = {
    "ort.wasm.min.mjs": (
        "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b"
    ),
    "ort-wasm-simd-threaded.mjs": (
        "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
    ),
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
_WEBGPU = {
    "ort.webgpu.min.mjs": (
        "3dffff71811bc13a3a3d9591c57ca5ee5735b8f5f3eaf789510b02bb040ae3a0"
    ),
    "ort-wasm-simd-threaded.asyncify.mjs": (
        "3d1c85995364bb643302fc6fd877a0c3ba5ae72401815e0f24828a53d9191e28"
    ),
    "ort-wasm-simd-threaded.asyncify.wasm": (
        "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da"
    ),
}
RUNTIMES = {"wasm": tuple(_WASM), "webgpu": tuple(_WEBGPU)}
"""The files by what computes: the processor, or the graphics processor."""
_SHA256 = _WASM | _WEBGPU


def cache_folder() -> pathlib.Path:
    """Where the files are kept: in `XDG_CACHE_HOME`, or in `~/.cache`."""
    return user_cache() / f"onnxruntime-web-{VERSION}"


def require_runtime() -> pathlib.Path:
    """The folder of the cached files.

    Raises:
        FileNotFoundError: If they are not there; one line says how to get them.
        ValueError: If one of them was changed.
    """
    folder = cache_folder()
    if not folder.is_dir():
        raise FileNotFoundError(
            f"A page needs ONNX Runtime Web {VERSION} once: add --fetch-runtime, which "
            f"downloads 33 MB from registry.npmjs.org; or run npm pack "
            f"onnxruntime-web@{VERSION} and add --runtime with the file."
        )
    _check(folder)
    return folder


def get_runtime(source: pathlib.Path | None, fetch: bool) -> None:
    """Caches the files as the options `--runtime` and `--fetch-runtime` say."""
    if source:
        install_runtime(source)
    elif fetch:
        fetch_runtime()


def fetch_runtime() -> pathlib.Path:
    """Downloads the npm package and caches the files of it; returns their folder.

    Raises:
        ConnectionError: If it cannot be fetched.
        ValueError: If it has another SHA-256.
    """
    folder = cache_folder()
    if folder.is_dir():
        return require_runtime()
    package = download(_URL, folder.with_suffix(".tgz"), _PACKAGE_SHA256)
    install_runtime(package)
    package.unlink()
    return folder


def install_runtime(source: pathlib.Path) -> pathlib.Path:
    """Checks the files of the npm package and caches them; returns their folder.

    Args:
        source: The package: the file of `npm pack`, a folder `node_modules`, or a
            folder with the files.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is not that of the pinned version.
    """
    folder = cache_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with work_folder(folder.parent, ".runtime-") as temporary:
        part = temporary / folder.name
        part.mkdir()
        for name in _SHA256:
            (part / name).write_bytes(_content(source, name))
        _check(part, source)
        replace(part, folder)
    return folder


def _content(source: pathlib.Path, name: str) -> bytes:
    if source.is_file():
        try:
            with tarfile.open(source) as package:
                member = package.extractfile(f"package/dist/{name}")
                return member.read() if member else b""
        except (KeyError, tarfile.TarError, EOFError, OSError) as error:
            raise ValueError(f"{source} is no package of ONNX Runtime Web.") from error
    for inner in ("", "dist", "onnxruntime-web/dist", "package/dist"):
        if (source / inner / name).is_file():
            return (source / inner / name).read_bytes()
    raise FileNotFoundError(
        f"{source} has no {name}: give the folder or .tgz file of the npm package "
        f"onnxruntime-web {VERSION}."
    )


def _check(folder: pathlib.Path, source: pathlib.Path | None = None) -> None:
    for name, digest in _SHA256.items():
        if not (folder / name).is_file() or sha256(folder / name) != digest:
            cure = (
                f"give version {VERSION}"
                if source
                else "delete the folder and fetch it again"
            )
            raise ValueError(
                f"{name} in {source or folder} is not that of ONNX Runtime Web "
                f"{VERSION}: {cure}."
            )
