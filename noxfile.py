"""The versions that pyproject.toml allows, tried in fresh environments: `nox`.

One session per Python version that is installed, backend, and end of the bounds. Its
environment has the lowest or the highest versions of all packages that the backend and
its exports need. It runs a part of the tests and adds a row to `tests/versions.csv`.
`nox --list` names the sessions; `python -m tests.versions` prints the table.
"""

import nox

nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = False

# The backend, the formats that it writes, and what a training run needs.
EXTRAS = {
    "tensorflow": "export,recipes",
    "jax": "jax,recipes",
    "torch": "openvino,recipes",
}
BOUNDS = {"lowest": "lowest-direct", "highest": "highest"}


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
@nox.parametrize("bounds", list(BOUNDS))
@nox.parametrize("backend", list(EXTRAS))
def versions(session: nox.Session, backend: str, bounds: str) -> None:
    """Test the lowest or highest versions with one backend."""
    session.install(
        f"keras_hybrid[{EXTRAS[backend]}] @ .",
        "pytest>=8,<10",
        "--only-binary=:all:",
        "--no-binary=keras_hybrid",
        f"--resolution={BOUNDS[bounds]}",
    )
    environment = {"KERAS_BACKEND": backend}
    session.run("python", "-m", "tests.versions", bounds, env=environment)
