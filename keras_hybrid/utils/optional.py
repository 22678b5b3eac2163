"""Packages that only some work needs, checked before that work."""

import importlib.util
import sys


def require(package: str, *others: str, extra: str, what: str) -> None:
    """Checks that packages are installed; imports none.

    Args:
        package: Name of a module that the work imports.
        *others: Names of more modules.
        extra: The extra of this package that brings them; empty if none does.
        what: The work, for the message, e.g. `"tune"`.

    Raises:
        ImportError: If a package is missing; one line names it and the extra.

    Example:
        >>> require("h5py", extra="galaxy10", what="galaxy10")
    """
    missing = [name for name in (package, *others) if not is_installed(name)]
    if missing:
        advice = f": pip install 'keras_hybrid[{extra}]'" if extra else "."
        raise ImportError(f"{what} needs {', '.join(missing)}{advice}")


def is_installed(package: str) -> bool:
    """Whether a package can be found; does not import it."""
    if package in sys.modules:
        return sys.modules[package] is not None
    return importlib.util.find_spec(package) is not None
