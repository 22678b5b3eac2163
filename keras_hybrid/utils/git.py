"""The revision of this package's own checkout."""

import pathlib
import subprocess

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]


def revision() -> str | None:
    """Revision of the checkout that this package runs from.

    Returns:
        `git describe --always --dirty`, or None if the package is installed, git is
        missing, or the enclosing repository is another project's.
    """
    top = _git("rev-parse", "--show-toplevel")
    if top is None or pathlib.Path(top).resolve() != _PACKAGE.parent:
        return None
    tracked = _git("ls-files", "--error-unmatch", str(_PACKAGE / "__init__.py"))
    if tracked is None:
        return None
    return _git("describe", "--always", "--dirty", "--abbrev=12")


def _git(*arguments: str) -> str | None:
    """Output of a git command; None if it fails or there is no git."""
    try:
        answer = subprocess.run(
            ["git", *arguments],
            cwd=_PACKAGE,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
