"""One candidate in a process of its own, which does what it is told, line by line.

    KERAS_BACKEND=BACKEND python -m benchmarks.worker SETUP

SETUP is the JSON of a `Setup`. Orders are lines of JSON on the standard input, answers
lines on the standard output; what libraries print goes to the standard error.
"""

import json
import math
import os
import pathlib
import sys
import time

import numpy as np

from benchmarks.candidates import CONTROLS
from benchmarks.runners import open_runner
from benchmarks.setup import Setup, block_until_ready
from keras_hybrid.utils.memory import device_peak, host_peak

SHORTEST = 0.1  # seconds that a measurement takes at least, by repeating
WARM_UPS = 3


class Worker:
    """The orders, a method each."""

    def __init__(self, setup: Setup):
        self._runner = open_runner(setup)
        name = "control.npz" if setup.candidate in CONTROLS else "reference.npz"
        with np.load(pathlib.Path(setup.folder) / name) as file:
            self._data = dict(file)
        self._call = None
        self._repeats = 1

    def check(self) -> dict:
        """How far the candidate's answer is from the reference's."""
        answer = self._runner.answer(self._data["images"])
        return {"difference": float(np.abs(answer - self._data["answer"]).max())}

    def warm_up(self, task: str, batch_size: int) -> dict:
        """Compiles and runs a task a few times; a training's first losses."""
        x, y = (self._batch(name, batch_size) for name in ("images", "labels"))
        began = time.perf_counter()
        self._call = None  # frees the former
        if task == "inference":
            self._call = self._runner.inference(x)
        else:
            self._call = self._runner.training(x, y)
        first = self._call()
        block_until_ready(first)
        compiled = time.perf_counter() - began
        answers = [first] + [self._call() for _ in range(WARM_UPS - 1)]
        block_until_ready(answers[-1])
        seconds = self.run(1)["seconds"]
        self._repeats = min(50, math.ceil(SHORTEST / seconds))
        losses = answers[:2] if task == "training" else []
        return {"compile_seconds": compiled, "losses": losses}

    def run(self, repeats: int = 0) -> dict:
        """Seconds a call, by the clock and by the processor.

        One call goes before them: while it waited for its turn, the process may have
        lost to others what a series of calls keeps, caches and the memory it freed.
        """
        repeats = repeats or self._repeats
        block_until_ready(self._call())
        began, used = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            answer = self._call()
        block_until_ready(answer)
        return {
            "seconds": (time.perf_counter() - began) / repeats,
            "processor_seconds": (time.process_time() - used) / repeats,
        }

    def memory(self) -> dict:
        """The most memory this process ever had, in megabytes, on host and device."""
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
    """Answers orders until there are no more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    worker = Worker(Setup.from_json(setup))
    answers.write("{}\n")
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(worker, order.pop("order"))(**order)
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
