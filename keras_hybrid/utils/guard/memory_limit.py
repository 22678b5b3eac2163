"""A limit on the memory that this process may take more."""

import contextlib
import pathlib
import resource
from collections.abc import Iterator

_STATUS = pathlib.Path("/proc/self/status")


@contextlib.contextmanager
def memory_limit(more: int) -> Iterator[None]:
    """Within, asking for more memory fails as if the machine had none left.

    The kernel of Linux keeps the limit; elsewhere there is none.

    Args:
        more: Bytes beyond those that the process has now.
    """
    former = resource.getrlimit(resource.RLIMIT_DATA)
    soft, hard = former
    if _STATUS.exists():
        lines = _STATUS.read_text().splitlines()
        (now,) = (int(x.split()[1]) for x in lines if x.startswith("VmData"))
        wanted = 1024 * now + more
        lowest = min(x for x in (wanted, soft, hard) if x != resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_DATA, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, former)
