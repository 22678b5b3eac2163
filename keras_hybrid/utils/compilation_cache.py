"""What JAX has compiled is kept for the programs of this package that follow."""

import contextlib
import hashlib
import importlib.util
import os
import pathlib
import time

import keras

from keras_hybrid.utils.files import user_cache
from keras_hybrid.utils.machine import accelerators, processor

MOST_BYTES = 2**30
"""Size of the folder, of which JAX removes what was used longest ago."""
LEAST_SECONDS = 0.1
"""What compiles faster is not kept; JAX's own second leaves out half of a start."""
_SECONDS = "jax_persistent_cache_min_compile_time_secs"
_SIZE = "jax_compilation_cache_max_size"


def keep_compiled() -> pathlib.Path | None:
    """Gives JAX a folder for what it compiles, in the user's cache folder.

    Each kind of machine has one of its own, since home folders may be shared. JAX's
    variables go first: `JAX_COMPILATION_CACHE_DIR` is another folder, and
    `JAX_ENABLE_COMPILATION_CACHE=false` turns it off.

    Returns:
        The folder; None on other backends, if JAX has one, if none can be made, or
        without the package filelock, which JAX needs for a limit of size.
    """
    if keras.backend.backend() != "jax" or not importlib.util.find_spec("filelock"):
        return None
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    if jax.config.jax_compilation_cache_dir:
        return None
    machine = "\n".join(processor() + accelerators())
    name = hashlib.sha256(machine.encode()).hexdigest()[:16]
    with contextlib.suppress(OSError):
        folder = user_cache() / "jax" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".lockfile").touch()  # or it cannot be written to
        jax.config.update("jax_compilation_cache_dir", str(folder))
        _remove_unfinished(folder)
        if _SIZE.upper() not in os.environ:
            jax.config.update(_SIZE, MOST_BYTES)
        if _SECONDS.upper() not in os.environ:
            jax.config.update(_SECONDS, LEAST_SECONDS)
        compilation_cache.reset_cache()  # it may have been asked for one before
        return folder
    return None


def _remove_unfinished(folder: pathlib.Path) -> None:
    """Removes entries that a killed process left without their time, the last part.

    JAX would write no entry beside them.
    """
    for entry in folder.glob("*-cache"):
        time_file = entry.with_name(f"{entry.name.removesuffix('cache')}atime")
        old = time.time() - entry.stat().st_mtime > 60  # no process is at it
        if old and not time_file.exists():
            entry.unlink(missing_ok=True)
