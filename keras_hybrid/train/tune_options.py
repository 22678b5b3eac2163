"""The options of a search for settings."""

import dataclasses
from typing import Annotated, Literal

import tyro

from keras_hybrid import models
from keras_hybrid.train.recipe import FEW_IMAGES, Recipe
from keras_hybrid.train.tune_space import SEARCHABLE


@dataclasses.dataclass(frozen=True)
class Tuning:
    """The options of a search."""

    recipe: Annotated[Recipe, tyro.conf.arg(name="")] = dataclasses.field(
        default_factory=lambda: Recipe.of(
            name="tune",
            dataset="folder",
            validation_split=0.2,
            model="auto",
            orientation="tested",
            **FEW_IMAGES,
        )
    )
    """The settings that all trials share."""
    search_minutes: float = 60.0
    """Time for the search, in minutes. Resuming the search starts a new time budget."""
    trials: int | None = None
    """Number of trials at most, trials of earlier calls included."""
    search: tuple[str, ...] = (
        "learning_rate",
        "weight_decay",
        "batch_size",
        "label_smoothing",
        "trivial_augment",
    )
    """Settings to search: learning_rate, weight_decay, batch_size, label_smoothing,
    gabor_loss, dropout_rate, padding, cutout, trivial_augment, mixup, width."""
    candidates: tuple[str, ...] = ()
    """Models to choose from; without any, the recipe's model."""
    pruner: Literal["asha", "median", "none"] = "asha"
    """What stops bad trials early: asynchronous successive halving, or the median."""
    storage: str | None = None
    """URL of a database for the trials, e.g. sqlite:///study.db, which several machines
    can share; without it a file in the workdir, which several processes can share."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.search if name not in SEARCHABLE]
        if unknown:
            raise ValueError(
                f"--search knows {', '.join(SEARCHABLE)}, not {', '.join(unknown)}."
            )
        if self.search_minutes <= 0:
            raise ValueError(
                f"search_minutes must be above 0, not {self.search_minutes}."
            )
        if self.trials is not None and self.trials < 1:
            raise ValueError(f"trials must be 1 or more, not {self.trials}.")
        for name in self.candidates:
            models.get(name)  # or ValueError
