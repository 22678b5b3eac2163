"""Where the network runs, for layers that have more than one form."""

import keras


def jax_on_cpu() -> bool:
    """Whether the backend is JAX on CPUs, where XLA runs other forms fastest."""
    if keras.backend.backend() != "jax":
        return False
    return all(name.startswith("cpu") for name in keras.distribution.list_devices())
