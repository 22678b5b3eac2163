"""A recipe: all settings of a training run, in groups of frozen dataclasses.

`Runtime` says where and how the run computes; the other groups determine the result.
The text below each field is its help on the command line, where an option has the name
of its field without the group.
"""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any, get_type_hints

from keras_hybrid.train.recipe_groups import (
    Augmentation,
    Data,
    FineTuning,
    Network,
    Optimization,
    Runtime,
    Selection,
)
from keras_hybrid.train.tasks import get_task
from keras_hybrid.utils.card import read_card
from keras_hybrid.utils.type_check import has_type

_NO_RESULT = ("runtime",)  # groups that do not determine the result

IMAGES = "dataset_fingerprint"
"""What `recipe.json` says besides the settings; see `Dataset.fingerprint`."""
RUN_DATA = "data_of_the_run"
"""And what it says of the data; see `run_data.data_facts`."""

SPEED_TRIAL = "speed_trial"
"""And what it says of the backend and precision; see `speed_trial.choice.Choice`."""

LEAST_CROP_OF_PADDED = 1 / 3
"""Share of a padded square from which a random box, whose aspect ratio is up to 4:3,
has half of its height and width or more, and so meets the image in its middle."""

DEIT_AUGMENTATION: dict[str, Any] = {
    "rand_augment": 9,
    "random_erasing": 0.25,
    "mixup": 0.8,
    "cutmix": 1.0,
}
"""Augmentation of DeiT (Touvron et al. 2021), which ConViT, CeiT and CvT share."""


FEW_IMAGES: dict[str, Any] = {
    "horizontal_flip": True,
    "alternate_flips": True,
    "fill_mode": "reflect",
    "trivial_augment": True,
    "epochs": 0,
    "batch_size": 0,
    "optimizer": "muon",
    "learning_rate": 4e-3,
    "final_learning_rate": 4e-5,
    "schedule": "linear",
    "weight_decay": 0.15,
    "progressive_resizing": True,
}
"""Fields of a recipe for some hundred to some ten thousand images; docs: little data.
They are measured in `recipes/results`."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All settings of a training run."""

    name: str = "run"
    """Name of the run, part of the default workdir."""
    data: Data = dataclasses.field(default_factory=Data)
    network: Network = dataclasses.field(default_factory=Network)
    augmentation: Augmentation = dataclasses.field(default_factory=Augmentation)
    optimization: Optimization = dataclasses.field(default_factory=Optimization)
    fine_tuning: FineTuning = dataclasses.field(default_factory=FineTuning)
    selection: Selection = dataclasses.field(default_factory=Selection)
    runtime: Runtime = dataclasses.field(default_factory=Runtime)

    def __post_init__(self) -> None:
        if self.fine_tuning.earlier_run:
            check_adds_classes(self.data.task)
            earlier = pathlib.Path(self.fine_tuning.earlier_run)
            if self.directory.resolve() == earlier.resolve():
                raise ValueError(
                    f"--from {earlier} keeps that run: choose another --workdir."
                )
        get_task(self.data.task).check(self)
        chooses = self.selection.keeps_best or self.selection.calibrate
        if chooses and not (self.data.validation_split or self.data.folds):
            raise ValueError(
                "--keep-best and --calibrate need validation images: give "
                "--validation-split, e.g. 0.1."
            )
        crop = self.augmentation.random_crop
        if self.data.fit == "pad" and crop and crop[0] < LEAST_CROP_OF_PADDED:
            raise ValueError(
                "--fit pad takes a --random-crop of a third of the area or more, e.g. "
                "0.35 1: a smaller box may show padding alone."
            )
        if self.selection.refit and self.data.folds:
            raise ValueError("--refit and --folds exclude each other.")
        on_device = self.runtime.cache_on_device == "on"
        if self.augmentation.augmenter == "keras_cv" and on_device:
            raise ValueError(
                "keras_cv augments on the host, where images cannot be cached on the "
                "device; use --cache-on-device off, or --augmenter keras."
            )

    @property
    def directory(self) -> pathlib.Path:
        """The workdir."""
        if self.runtime.workdir:
            return pathlib.Path(self.runtime.workdir)
        chosen_later = self.network.model == "auto"
        name = self.name if chosen_later else f"{self.name}-{self.network.model}"
        return pathlib.Path("saved_models") / name

    @property
    def learning_rate(self) -> float:
        """The peak learning rate."""
        if self.optimization.learning_rate is not None:
            return self.optimization.learning_rate
        return 1e-4 if self.network.weights else 1e-3

    @classmethod
    def of(cls, **fields: Any) -> "Recipe":
        """A recipe from fields of any group, given by name without the group.

        Raises:
            TypeError: If no group has a field.
        """
        return cls().replace(**fields)

    def replace(self, **fields: Any) -> "Recipe":
        """A copy with other values in some fields of any group.

        Raises:
            TypeError: If no group has a field.
        """
        owners = field_owners()
        changes: dict[str, Any] = {}
        groups: dict[str, dict[str, Any]] = {}
        for name, value in fields.items():
            if name not in owners:
                raise TypeError(f"A recipe has no field {name!r}.")
            group = owners[name]
            if group is None:
                changes[name] = value
            else:
                groups.setdefault(group, {})[name] = value
        for group, values in groups.items():
            changes[group] = dataclasses.replace(getattr(self, group), **values)
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Recipe":
        """The recipe that `settings` or `as_dict` gave, read from JSON.

        Raises:
            KeyError, TypeError, AttributeError: If the settings are others.
        """
        groups = {field.name: field.type for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for name, value in settings.items():
            kind = groups[name]
            if dataclasses.is_dataclass(kind) and isinstance(kind, type):
                fields = {k: _as_tuple(v) for k, v in value.items()}
                _check_types(fields, kind)
                value = kind(**fields)
            values[name] = value
        _check_types(values, cls)
        return cls(**values)

    @classmethod
    def read(cls, path: pathlib.Path) -> "Recipe":
        """The recipe in a `recipe.json`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged or no recipe.
        """
        settings = read_card(path)
        for name in (IMAGES, RUN_DATA, SPEED_TRIAL):
            settings.pop(name, None)
        try:
            return cls.from_settings(settings)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{path} is no recipe: {error}.") from error

    def check_trains(self, what: str) -> None:
        """Refuses options with which nothing is trained.

        Args:
            what: What trains, for the message.

        Raises:
            ValueError: If one is given; the line says what takes it.
        """
        for field in ("dry_run", "find_lr"):
            if getattr(self.runtime, field):
                raise ValueError(
                    f"{what} does not take --{field.replace('_', '-')}: give it to "
                    f"keras-hybrid train, or call keras_hybrid.train.{field}."
                )

    def as_dict(self) -> dict[str, Any]:
        """All fields by group, ready for JSON."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def settings(self) -> dict[str, Any]:
        """The groups that determine the result, ready for JSON."""
        return {k: v for k, v in self.as_dict().items() if k not in _NO_RESULT}

    def hash(self) -> str:
        """Twelve hexadecimal digits of the hash of `settings`."""
        text = json.dumps(self.settings(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def check_adds_classes(task: str) -> None:
    """Raises ValueError if classes cannot be added to a run of this task."""
    if task != "classification":
        raise ValueError(
            f"--from adds classes to a run with one class per image, not of {task}: "
            "give --weights RUN/model.keras instead."
        )


def result_fields(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that determine the result, without their groups.

    Args:
        settings: Fields by group, as `Recipe.as_dict` or `Recipe.settings` gives them.
    """
    fields: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in _NO_RESULT:
            fields |= value if isinstance(value, dict) else {name: value}
    return fields


def field_owners() -> dict[str, str | None]:
    """Every field of a recipe -> the group that has it; None for the recipe's own."""
    owners: dict[str, str | None] = {}
    for field in dataclasses.fields(Recipe):
        if dataclasses.is_dataclass(field.type):
            inner = dataclasses.fields(field.type)
            owners |= dict.fromkeys((x.name for x in inner), field.name)
        else:
            owners[field.name] = None
    return owners


def _check_types(values: Mapping[str, Any], kind: type) -> None:
    """Raises TypeError if a value is not of the type of its field."""
    hints = get_type_hints(kind)
    for name, value in values.items():
        if name in hints and not has_type(value, hints[name]):
            raise TypeError(f"{name} cannot be {value!r}")


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
