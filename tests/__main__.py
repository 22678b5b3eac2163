"""Runs the tests once per backend, each in its own process: `python -m tests`.

Arguments go to pytest, e.g. `python -m tests tests/models -k cvt`. `KERAS_BACKENDS`
chooses the backends, e.g. `KERAS_BACKENDS=jax,torch python -m tests`.
"""

import os
import subprocess
import sys

BACKENDS = os.environ.get("KERAS_BACKENDS", "tensorflow,jax,torch").split(",")


def main() -> int:
    failed = []
    for backend in BACKENDS:
        print(f"=== backend {backend} ===", flush=True)
        command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
        environment = os.environ | {"KERAS_BACKEND": backend}
        if subprocess.run(command, env=environment).returncode:
            failed.append(backend)
    print(f"failed on: {', '.join(failed)}" if failed else "passed on every backend")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
