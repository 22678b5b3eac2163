"""`python -m benchmarks NAME`: one command per benchmark."""

from collections.abc import Callable, Sequence
from typing import Any

import tyro

import benchmarks
from benchmarks import (
    added_classes,
    attention,
    compare,
    costs,
    curve,
    depthwise,
    duplicates,
    export,
    fold,
    gpu,
    gradients,
    grouped_split,
    growth,
    label_review,
    memory,
    pipeline,
    profile,
    ray,
    suggest,
    tables,
    unknown,
)
from keras_hybrid.utils.one_line_errors import one_line_errors

DURATIONS = {
    "compare": "minutes per model and task",
    "attention": "ten minutes",
    "depthwise": "two minutes per backend",
    "gradients": "three minutes per model",
    "growth": "twenty minutes",
    "memory": "one minute per model",
    "costs": "five minutes",
    "pipeline": "five minutes per backend",
    "profile": "two minutes",
    "export": "hours for all variants",
    "fold": "half an hour",
    "duplicates": "seconds per 1,000 images",
    "grouped-split": "two minutes",
    "label-review": "seconds per 1,000 images",
    "curve": "two minutes",
    "suggest": "ten minutes",
    "unknown": "half an hour",
    "ray": "two minutes per 1,000 images",
    "added-classes": "ten minutes",
    "gpu": "half an hour on a GPU",
    "table": "seconds",
}
"""Duration of each command on two cores."""


def list_all() -> None:
    """List the benchmarks and how long each takes on two cores."""
    for name, duration in DURATIONS.items():
        print(f"python -m benchmarks {name:10} {duration}")


COMMANDS: dict[str, Callable[..., Any]] = {
    "compare": compare.main,
    "attention": attention.main,
    "depthwise": depthwise.main,
    "gradients": gradients.main,
    "growth": growth.main,
    "memory": memory.main,
    "costs": costs.main,
    "pipeline": pipeline.main,
    "profile": profile.main,
    "export": export.main,
    "fold": fold.main,
    "duplicates": duplicates.main,
    "grouped-split": grouped_split.main,
    "label-review": label_review.main,
    "curve": curve.main,
    "suggest": suggest.main,
    "unknown": unknown.main,
    "ray": ray.main,
    "added-classes": added_classes.main,
    "gpu": gpu.main,
    "table": tables.main,
    "all": list_all,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; an error is one line and a non-zero exit code."""
    with one_line_errors():
        tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="python -m benchmarks",
            description=benchmarks.__doc__,
            args=arguments,
            config=(tyro.conf.OmitArgPrefixes,),
        )


if __name__ == "__main__":
    main()
