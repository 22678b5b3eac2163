"""The options of a learning curve."""

import dataclasses
import math
from typing import Annotated

import tyro

from keras_hybrid.train.recipe import FEW_IMAGES, Recipe


@dataclasses.dataclass(frozen=True)
class LearningCurve:
    """The options of a learning curve."""

    recipe: Annotated[Recipe, tyro.conf.arg(name="")] = dataclasses.field(
        default_factory=lambda: Recipe.of(
            name="curve",
            dataset="folder",
            validation_split=0.0,
            model="auto",
            **FEW_IMAGES,
        )
    )
    """The settings that all networks share; --minutes is the time of all of them."""
    shares: tuple[float, ...] = (0.25, 0.5, 1.0)
    """Shares of the training images, in (0, 1]; a half has two networks, a quarter
    three, which show how much training scatters."""

    def __post_init__(self) -> None:
        if len(set(self.shares)) < 2 or not all(0 < x <= 1 for x in self.shares):
            raise ValueError(
                f"--shares takes two numbers in (0, 1] or more, not {self.shares}."
            )
        data = self.recipe.data
        if data.folds or data.per_class or data.fraction < 1:
            raise ValueError("curve takes neither --folds, --per-class nor --fraction.")
        if self.recipe.selection.refit or self.recipe.fine_tuning.earlier_run:
            raise ValueError("curve takes neither --refit nor --from.")

    def networks(self) -> list[tuple[float, int]]:
        """Share and number, from 0, of every network to train, the smallest first."""
        return [
            (share, number)
            for share in sorted(set(self.shares))
            for number in range(1 + math.ceil(math.log2(1 / share)))
        ]
