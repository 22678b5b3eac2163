"""What a repository of the hub says of its weights, as timm or transformers do."""

import contextlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from PIL import Image

from keras_hybrid.models.checkpoints import Checkpoint
from keras_hybrid.models.family import Preprocessing
from keras_hybrid.weights import hub

_CONVNEXT = "ConvNext"  # its processor is CvT's, too
_WARPED_FROM = 384  # pixels, from which that processor does not crop


def described(
    path: pathlib.Path, repository: str, revision: str | None = None
) -> Checkpoint:
    """The checkpoint in a file of a repository, with what the repository says of it.

    timm writes `pretrained_cfg` into `config.json`, transformers
    `preprocessor_config.json`. If there is neither, one printed line says so.

    Args:
        path: The file of weights.
        repository: `owner/name`.
        revision: Branch, tag or commit; None for the newest.

    Raises:
        ConnectionError: If the hub cannot be reached.
        ValueError: If the settings cannot be read.
    """
    config = _json(repository, "config.json", revision)
    if isinstance(settings := config.get("pretrained_cfg"), Mapping):
        read = _of_timm
    else:
        settings = _json(repository, "preprocessor_config.json", revision)
        read = _of_transformers
    if not settings:
        print(
            f"{repository} does not say how its images were prepared: the family's "
            "preprocessing is used.",
            flush=True,
        )
        return Checkpoint(path)
    try:
        return read(path, settings)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"The settings of {repository} cannot be read ({error!r}); download the "
            "weights and give their path."
        ) from error


def _json(repository: str, file: str, revision: str | None) -> Mapping[str, Any]:
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        content = json.loads(hub.fetch(repository, file, revision).read_text())
        if isinstance(content, Mapping):
            return content
    return {}


def _of_timm(path: pathlib.Path, settings: Mapping[str, Any]) -> Checkpoint:
    preprocessing = Preprocessing(
        mean=_numbers(settings["mean"]),
        std=_numbers(settings["std"]),
        crop=float(settings["crop_pct"]),
        interpolation=str(settings["interpolation"]),
        squash=settings.get("crop_mode") == "squash",
    )
    _, height, width = settings["input_size"]
    classes = settings.get("num_classes")
    return Checkpoint(path, preprocessing, (int(height), int(width)), classes)


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
        squash=warped,
    )
    return Checkpoint(path, preprocessing, (int(size), int(size)))


def _numbers(values: Any) -> tuple[float, ...]:
    numbers = tuple(map(float, values))
    if len(numbers) != 3 or min(numbers) < 0:
        raise ValueError(f"{values} are no numbers of three channels")
    return numbers
