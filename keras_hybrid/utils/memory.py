"""Peak memory of this process, in bytes."""

import pathlib
import resource
import sys


def host_peak() -> int:
    """Peak memory on the host."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # getrusage would begin with what the parent had
        lines = status.read_text().splitlines()
        (peak,) = (line for line in lines if line.startswith("VmHWM"))
        return 1024 * int(peak.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def device_peak() -> int | None:
    """Peak memory on a GPU, as JAX or torch reports it; None without either."""
    if "jax" in sys.modules:
        import jax

        stats = jax.local_devices()[0].memory_stats()
        return stats and stats["peak_bytes_in_use"]
    if "torch" in sys.modules:
        import torch

        if torch.cuda.is_available():
            return torch.cuda.max_memory_allocated()
    return None
