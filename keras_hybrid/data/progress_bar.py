"""A progress line on stderr for long work."""

import sys
import time
from collections.abc import Iterator

import numpy as np


def in_chunks(
    count: int, what: str, size: int = 256, quiet: bool = False
) -> Iterator[np.ndarray]:
    """Yields the indices 0..count-1 in chunks, and prints the progress.

    On a terminal the line is updated during the work. Elsewhere one line at the end
    reports work that took more than five seconds.

    Args:
        count: Number of indices.
        what: Name of the work, e.g. "Decoding images".
        size: Indices per chunk.
        quiet: Whether nothing is printed.
    """
    began = shown = time.perf_counter()
    live = sys.stderr.isatty()
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))
        now = time.perf_counter()
        if live and not quiet and now - shown > 0.5:
            shown = now
            done = min(start + size, count)
            print(f"\r{what}: {done:,} of {count:,}", end="", file=sys.stderr)
    seconds = time.perf_counter() - began
    if not quiet and (shown > began or seconds > 5):
        prefix = "\r" if live else ""
        rate = count / seconds
        print(
            f"{prefix}{what}: {count:,} in {seconds:.0f} s, {rate:,.0f} per second",
            file=sys.stderr,
        )
