"""Runs the tests once per backend, each in its own process: `python -m tests`.

Arguments go to pytest, e.g. `python -m tests tests/models -k cvt`. `KERAS_BACKENDS`
chooses the backends, e.g. `KERAS_BACKENDS=jax,torch python -m tests`. Tests marked
`backend_independent` run under the first of them only.
"""

import os
import subprocess
import sys
import tempfile

BACKENDS = os.environ.get("KERAS_BACKENDS", "torch,jax,tensorflow").split(",")


# JAX compiles many networks and runs each once: the workers and the processes that tests
# start share what it has compiled, and LLVM optimizes little. Networks are small, so that
# threads of torch take longer to wait for each other than to compute.
SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        return run(SETTINGS | os.environ | {"JAX_COMPILATION_CACHE_DIR": folder})


def run(environment: dict[str, str]) -> int:
    failed = []
    for backend in BACKENDS:
        print(f"=== backend {backend} ===", flush=True)
        # with `-n` a worker that has no test left takes some of another
        command = [sys.executable, "-m", "pytest", "--dist", "worksteal", *sys.argv[1:]]
        if backend != BACKENDS[0]:
            command.append("--skip-backend-independent")
        chosen = environment | {"KERAS_BACKEND": backend}
        if subprocess.run(command, env=chosen).returncode:
            failed.append(backend)
    print(f"failed on: {', '.join(failed)}" if failed else "passed on every backend")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
