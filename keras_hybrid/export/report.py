"""What was measured of an exported file, and whether that is good enough."""

import dataclasses
import pathlib

import numpy as np

# Largest absolute difference of the logits from Keras'; half precision keeps 11 bits
# of every weight, which is judged against the largest logit.
FLOAT32_TOLERANCE = 1e-5
FLOAT16_RELATIVE_TOLERANCE = 1e-2


class ExportMismatch(RuntimeError):
    """An exported file does not compute what the Keras model computes."""


@dataclasses.dataclass(frozen=True)
class Report:
    """An exported file against the Keras model it came from.

    Attributes:
        format: `saved_model`, `litert` or `litert_float16`.
        path: Where the file or folder is.
        max_difference: Largest absolute difference of the logits.
        tolerance: What was allowed.
        top1_agreement: Share of the images with the same top class.
        size: Bytes on disk.
        foreign_ops: Operations outside the runtime's builtin set.
        milliseconds: Median time of one image, on this machine.
    """

    format: str
    path: pathlib.Path
    max_difference: float
    tolerance: float
    top1_agreement: float
    size: int
    foreign_ops: tuple[str, ...]
    milliseconds: float

    def __str__(self) -> str:
        foreign = ", ".join(self.foreign_ops) or "none"
        return (
            f"{self.path.name}: {self.size / 2**20:.1f} MiB, logits within "
            f"{self.max_difference:.1e} of Keras, top-1 agreement "
            f"{self.top1_agreement:.1%}, {self.milliseconds:.1f} ms an image, "
            f"ops outside the builtin set: {foreign}"
        )


def tolerance(format: str, logits: np.ndarray) -> float:
    """The difference that is allowed for these logits."""
    if format == "litert_float16":
        return FLOAT16_RELATIVE_TOLERANCE * float(np.abs(logits).max())
    return FLOAT32_TOLERANCE
