"""What a repository of the hub says of its weights, as timm or transformers do."""

import contextlib
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from keras_hybrid.models.checkpoints import Checkpoint
from keras_hybrid.models.family import Preprocessing
from keras_hybrid.models.registry import list_models
from keras_hybrid.utils.guard import read_json
from keras_hybrid.utils.options import parse_options
from keras_hybrid.weights import hub

_CONVNEXT = "ConvNext"  # its processor is CvT's, too
_WARPED_FROM = 384  # pixels, from which that processor does not crop


def described(
    path: pathlib.Path, repository: str, revision: str | None = None, variant: str = ""
) -> Checkpoint:
    """The checkpoint in a file of a repository, with what the repository says of it.

    timm writes `pretrained_cfg` into `config.json`, transformers
    `preprocessor_config.json`, and `keras-hybrid push` writes `card.json` beside a
    `.keras` file. If there is none, one printed line says so.

    Args:
        path: The file of weights.
        repository: `owner/name`.
        revision: Branch, tag or commit; None for the newest.
        variant: Name of the model that takes the weights.

    Raises:
        ConnectionError: If the hub cannot be reached.
        ValueError: If the settings cannot be read, or are those of another model.
    """
    read, settings = _settings(path, repository, revision)
    if not settings:
        print(
            f"{repository} does not say how its images were prepared: the family's "
            "preprocessing is used.",
            flush=True,
        )
        return Checkpoint(path)
    if read is _of_run:
        _check_variant(repository, settings, variant)
    try:
        return read(path, settings)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"The settings of {repository} cannot be read ({error!r}); download the "
            "weights and give their path."
        ) from error


def _settings(
    path: pathlib.Path, repository: str, revision: str | None
) -> tuple[Callable[[pathlib.Path, Mapping[str, Any]], Checkpoint], Mapping[str, Any]]:
    """What a repository says, and the function that reads it."""
    if path.suffix == ".keras":
        return _of_run, _json(repository, hub.CARD, revision)
    config = _json(repository, "config.json", revision)
    if isinstance(settings := config.get("pretrained_cfg"), Mapping):
        return _of_timm, settings
    settings = _json(repository, "preprocessor_config.json", revision)
    return _of_transformers, settings


def _json(repository: str, file: str, revision: str | None) -> Mapping[str, Any]:
    with contextlib.suppress(FileNotFoundError):
        content = read_json(hub.fetch(repository, file, revision))
        if isinstance(content, Mapping):
            return content
    return {}


def _of_timm(path: pathlib.Path, settings: Mapping[str, Any]) -> Checkpoint:
    preprocessing = Preprocessing(
        mean=_numbers(settings["mean"]),
        std=_numbers(settings["std"]),
        crop=float(settings["crop_pct"]),
        interpolation=str(settings["interpolation"]),
        fit="stretch" if settings.get("crop_mode") == "squash" else "crop",
    )
    _, height, width = settings["input_size"]
    classes = settings.get("num_classes")
    return Checkpoint(path, preprocessing, (int(height), int(width)), classes)


def _check_variant(repository: str, card: Mapping[str, Any], variant: str) -> None:
    model = card.get("model", variant)
    if variant in list_models() and model != variant:
        raise ValueError(f"{repository} holds {model}, not {variant}: build {model}.")


def _of_run(path: pathlib.Path, card: Mapping[str, Any]) -> Checkpoint:
    facts = card["preprocessing"]
    preprocessing = Preprocessing(
        mean=_numbers(facts["mean"]),
        std=_numbers(facts["std"]),
        crop=float(facts["crop"]),
        interpolation=str(facts["interpolation"]),
        fit=facts.get("fit", "crop"),
    )
    height, width, channels = card["input_shape"]
    network = card.get("recipe", {}).get("network", {})
    names = card["value_names"] if "value_names" in card else card["class_names"]
    return Checkpoint(
        path,
        preprocessing,
        (height, width),
        len(names),
        channels=channels,
        config=parse_options(network.get("model_options", ()), "model_options"),
    )


def _of_transformers(path: pathlib.Path, settings: Mapping[str, Any]) -> Checkpoint:
    size = settings["size"]
    if isinstance(size, Mapping):
        size = size.get("shortest_edge") or size["height"]
    kind = settings.get("image_processor_type") or settings.get(
        "feature_extractor_type", ""
    )
    warped = _CONVNEXT in kind and size >= _WARPED_FROM
    preprocessing = Preprocessing(
        mean=_numbers(settings["image_mean"]),
        std=_numbers(settings["image_std"]),
        crop=1.0 if warped else float(settings.get("crop_pct") or 1.0),
        interpolation=Image.Resampling(settings.get("resample", 3)).name.lower(),
        fit="stretch" if warped else "crop",
    )
    return Checkpoint(path, preprocessing, (int(size), int(size)))


def _numbers(values: Any) -> tuple[float, ...]:
    numbers = tuple(map(float, values))
    if len(numbers) != 3 or min(numbers) < 0:
        raise ValueError(f"{values} are no numbers of three channels")
    return numbers
