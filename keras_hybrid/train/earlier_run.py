"""The run that `--from` continues with classes and images that were added later."""

import dataclasses
import pathlib
from typing import Any

from keras_hybrid.train.recipe import Recipe, check_adds_classes
from keras_hybrid.train.workdir import CARD, SETTINGS
from keras_hybrid.utils.card import read_card

MODEL = "model.keras"
SHARE = 0.25
"""Minutes of training as a share of those of the earlier run."""


@dataclasses.dataclass(frozen=True)
class EarlierRun:
    """A complete run of a classifier.

    Attributes:
        directory: Its folder.
        recipe: Its settings.
        class_names: Its classes, in the order of its logits.
        side: Height and width of its images.
        minutes: For how long it was trained.
    """

    directory: pathlib.Path
    recipe: Recipe
    class_names: tuple[str, ...]
    side: int
    minutes: float

    @property
    def model_file(self) -> pathlib.Path:
        """The trained model."""
        return self.directory / MODEL

    @classmethod
    def read(cls, directory: str | pathlib.Path) -> "EarlierRun":
        """Reads settings and card of a run.

        Raises:
            FileNotFoundError: If it is no folder of a complete run.
            ValueError: If a file is damaged, the run joins several networks, or it has
                no classes.
        """
        folder = pathlib.Path(directory)
        for name in (SETTINGS, CARD, MODEL):
            if not (folder / name).is_file():
                raise FileNotFoundError(
                    f"--from {folder} needs the folder of a complete run; it has no "
                    f"{name}."
                )
        recipe, card = Recipe.read(folder / SETTINGS), read_card(folder / CARD)
        if recipe.data.folds and recipe.data.fold is None:
            raise ValueError(
                f"--from {folder}: its model joins {recipe.data.folds} networks; give "
                f"one of them, e.g. --from {folder / 'fold1'}."
            )
        check_adds_classes(recipe.data.task)
        try:
            names = tuple(map(str, card["class_names"]))
            side = int(card["input_shape"][0])
            minutes = max(float(card["metrics"]["training_seconds"]), 1.0) / 60
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError(
                f"{folder / CARD} is damaged: it lacks class_names, input_shape or "
                "metrics."
            ) from error
        return cls(folder, recipe, names, side, minutes)


def recipe_from(run: str | pathlib.Path, **fields: Any) -> Recipe:
    """A recipe that adds classes and images to a trained classifier.

    It has the settings of the run with a quarter of its time. Its images are others:
    give `data_dir`.

    Args:
        run: The folder of the run.
        **fields: Fields that differ; `epochs` replaces the time.

    Raises:
        FileNotFoundError: If it is no folder of a complete run.
        ValueError: If the run is no classifier, or a field is out of range.

    Example:
        >>> recipe = recipe_from("saved_models/birds", data_dir="more_birds")
        >>> print(run(recipe).card["earlier_classes"]["text"])
    """
    earlier = EarlierRun.read(run)
    old, folder = earlier.recipe, earlier.directory.resolve()
    same = {
        "earlier_run": str(run),
        "image_size": earlier.side,
        "workdir": str(folder.with_name(f"{folder.name}-added")),
        "minutes": None if "epochs" in fields else SHARE * earlier.minutes,
        "warmup_epochs": None,
    }
    return old.replace(**_OWN | same | fields)


_OWN: dict[str, Any] = {
    "dataset": "folder",
    "data_dir": None,
    "manifest": None,
    "corrections": None,
    "overwrite": False,
    "export": (),
    "class_range": None,
    "fraction": 1.0,
    "per_class": None,
    "fold": None,
    "folds": 0,
    "weights": None,
    "class_balance": "sampling",
    "progressive_resizing": False,
    "probe_epochs": 0,
    "freeze": "none",
    "lora_rank": 0,
    "refit": False,
    "temperature": 1.0,
}
"""Fields that a run does not take over from the earlier one."""
