"""The search space: fields of a recipe with their ranges, and the width."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras_hybrid import models
from keras_hybrid.train.recipe import Recipe

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SEARCHABLE = (
    "learning_rate",
    "weight_decay",
    "batch_size",
    "label_smoothing",
    "gabor_loss",
    "dropout_rate",
    "padding",
    "cutout",
    "trivial_augment",
    "mixup",
    "width",
)
"""Fields of a recipe, and `width`, a factor of the widths of all stages."""


def distributions(
    names: Sequence[str], candidates: Sequence[str], images: int
) -> dict[str, "BaseDistribution"]:
    """The range of each setting.

    Args:
        names: Settings, of `SEARCHABLE`.
        candidates: Names of models to choose from; none leaves the model alone.
        images: Number of training images, which limits the batch size.
    """
    from optuna.distributions import CategoricalDistribution as Choice
    from optuna.distributions import FloatDistribution as Float
    from optuna.distributions import IntDistribution as Int

    batch_sizes = tuple(size for size in (16, 32, 64, 128) if size <= images)
    ranges: dict[str, BaseDistribution] = {
        "learning_rate": Float(3e-4, 3e-2, log=True),
        "weight_decay": Float(1e-3, 0.5, log=True),
        "batch_size": Choice(batch_sizes or (images,)),
        "label_smoothing": Float(0.0, 0.3),
        "gabor_loss": Float(0.0, 2.0),
        "dropout_rate": Float(0.0, 0.5),
        "padding": Int(0, 8),
        "cutout": Int(0, 16, step=4),
        "trivial_augment": Choice((False, True)),
        "mixup": Float(0.0, 0.8),
        "width": Choice((0.5, 0.75, 1.0, 1.5)),
    }
    chosen = {name: ranges[name] for name in names}
    if candidates:
        chosen["model"] = Choice(tuple(candidates))
    return chosen


def with_settings(recipe: Recipe, settings: dict[str, Any]) -> Recipe:
    """The recipe with values of a trial."""
    fields = dict(settings)
    factor = fields.pop("width", None)
    recipe = recipe.replace(**fields)
    if factor is None:
        return recipe
    network = recipe.network
    others = [x for x in network.model_options if not x.startswith("widths=")]
    widths = ",".join(map(str, scaled_widths(recipe, factor)))
    return recipe.replace(model_options=(*others, f"widths={widths}"))


def scaled_widths(recipe: Recipe, factor: float) -> tuple[int, ...]:
    """The widths of the stages of a recipe's model times a factor, in multiples of 8.

    Raises:
        ValueError: If its widths depend on other settings, or it has none.
    """
    network = recipe.network
    config = models.get(network.model).config
    if not hasattr(config, "widths") or hasattr(config, "heads"):
        raise ValueError(f"--search width does not suit {network.model}: leave it out.")
    widths = network.arguments().get("widths", config.widths)
    return tuple(8 * max(round(factor * x / 8), 1) for x in widths)
