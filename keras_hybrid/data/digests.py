"""Hashes of images: one of all of them, and one of each to find copies."""

import hashlib
from typing import Any

import numpy as np

from keras_hybrid.data.lazy_images import LazyImages, fingerprint_chunks


def hash_images(images: np.ndarray | LazyImages, whole: Any) -> np.ndarray:
    """Reads images once and hashes them, all together and each by itself.

    Args:
        images: `(N, H, W, 3)`.
        whole: A `hashlib` object, which takes the images in.

    Returns:
        The first 64 bits of the SHA-256 of each image, uint64 `(N,)`: of its pixels, or
        of its file where it is decoded on demand.
    """
    found: list[bytes] = []
    for chunk, count in fingerprint_chunks(images, np.arange(len(images))):
        whole.update(chunk)
        if count:
            rows = chunk if isinstance(chunk, np.ndarray) else [chunk]
            found += (hashlib.sha256(row).digest()[:8] for row in rows)
    return np.frombuffer(b"".join(found), "uint64")
