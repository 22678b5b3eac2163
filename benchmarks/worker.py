"""The child process of one candidate, which runs commands from its standard input.

    KERAS_BACKEND=BACKEND python -m benchmarks.worker SETUP

SETUP is the JSON of a `Setup`. Commands are lines of JSON on standard input, replies
are lines of JSON on standard output. Output of libraries goes to standard error.
"""

import json
import math
import os
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.candidates import CONTROLS
from benchmarks.runners import open_runner
from benchmarks.setup import Setup, block_until_ready
from keras_hybrid.utils.memory import device_peak, host_peak

MIN_SECONDS = 0.1  # of a measurement; calls are repeated until then
WARM_UPS = 3


class Worker:
    """The commands, one method each."""

    def __init__(self, setup: Setup):
        self._runner = open_runner(setup)
        name = "control.npz" if setup.candidate in CONTROLS else "reference.npz"
        with np.load(pathlib.Path(setup.folder) / name) as file:
            self._data = dict(file)
        self._call: Callable[[], Any] | None = None
        self._repeats = 1

    def check(self) -> dict:
        """Largest difference between the candidate's outputs and the reference's."""
        outputs = self._runner.outputs(self._data["images"])
        return {"difference": float(np.abs(outputs - self._data["outputs"]).max())}

    def warm_up(self, task: str, batch_size: int) -> dict:
        """Compiles and runs a task a few times; returns the first training losses."""
        x, y = (self._batch(name, batch_size) for name in ("images", "labels"))
        began = time.perf_counter()
        self._call = None  # frees the memory of the previous task
        runner = self._runner
        call: Callable[[], Any]
        call = runner.inference(x) if task == "inference" else runner.training(x, y)
        self._call = call
        first = call()
        block_until_ready(first)
        compiled = time.perf_counter() - began
        results = [first] + [call() for _ in range(WARM_UPS - 1)]
        block_until_ready(results[-1])
        seconds = self.run(1)["seconds"]
        self._repeats = min(50, math.ceil(MIN_SECONDS / seconds))
        losses = results[:2] if task == "training" else []
        return {"compile_seconds": compiled, "losses": losses}

    def run(self, repeats: int = 0) -> dict:
        """Wall-clock and processor seconds per call.

        One call before them is not timed: while the process waited for its turn, other
        processes may have evicted its caches and taken its freed memory.
        """
        if self._call is None:
            raise RuntimeError("The command warm_up comes before run.")
        repeats = repeats or self._repeats
        block_until_ready(self._call())
        began, used = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            result = self._call()
        block_until_ready(result)
        return {
            "seconds": (time.perf_counter() - began) / repeats,
            "processor_seconds": (time.process_time() - used) / repeats,
        }

    def memory(self) -> dict:
        """Peak memory of this process in megabytes, on the host and on the device."""
        device = device_peak()
        return {
            "host_megabytes": round(host_peak() / 2**20),
            "device_megabytes": device and round(device / 2**20, 1),
        }

    def _batch(self, name: str, size: int) -> np.ndarray:
        values = self._data[name]
        repeats = -(-size // len(values))
        tiled = np.tile(values, (repeats, *[1] * (values.ndim - 1)))
        return np.ascontiguousarray(tiled[:size])


def main(setup: str) -> None:
    """Runs commands until standard input ends."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    worker = Worker(Setup.from_json(setup))
    replies.write("{}\n")
    for line in sys.stdin:
        arguments = json.loads(line)
        reply = getattr(worker, arguments.pop("command"))(**arguments)
        replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
