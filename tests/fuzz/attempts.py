"""What every attempt to read a damaged file must keep: one line, soon, little memory."""

import hashlib
import pathlib
import time

from keras_hybrid.utils.guard import memory_limit
from tests.fuzz.mutants import COUNT

SECONDS = 20
MEMORY = 2**30


def contents(folder):
    files = sorted(x for x in folder.rglob("*") if x.is_file())
    return {x: hashlib.sha256(x.read_bytes()).digest() for x in files}


def attempt_all(make, read, path, names=None):
    """Writes mutants to `path` and reads each; returns how many were refused.

    Args:
        make: From a seed to the bytes of a mutant.
        read: Reads a path.
        path: Where mutants are written; nothing else beside it may change.
        names: What the error names; the file if it is None.
    """
    refused = 0
    for seed in range(COUNT):
        path.write_bytes(make(seed))
        before = contents(path.parent)
        began = time.monotonic()
        try:
            with memory_limit(MEMORY):
                read(pathlib.Path(path))
        except ValueError as error:
            refused += 1
            assert "\n" not in str(error), (seed, error)
            assert (names or path.name) in str(error), (seed, error)
        assert time.monotonic() - began < SECONDS, seed
        assert contents(path.parent) == before, seed
    return refused
