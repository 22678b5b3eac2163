"""The commands `convert` and `weights`, and the table of `list --weights`."""

import dataclasses
import functools
import pathlib
import re
from typing import Annotated, Any, Literal

import tyro

from keras_hybrid.models.checkpoints import Reader
from keras_hybrid.utils.options import parse_options


def convert_command(
    checkpoint: Annotated[str, tyro.conf.Positional],
    out: pathlib.Path,
    model: str | None = None,
    options: tuple[str, ...] = (),
    image_size: tuple[int, ...] = (),
    classes: int | None = None,
    grid: str | None = None,
    which: str | None = None,
    skip_head: bool = False,
    to: Literal["timm", "transformers", "official"] | None = None,
    overwrite: bool = False,
) -> None:
    """Turn a published torch checkpoint into a .keras file, or a model into one.

    Args:
        checkpoint: A torch checkpoint, of which no code is run; or a name that
            `list --weights` gives; or hf://owner/name. With --to, a .keras file or the
            folder of a run.
        out: The .keras file to write; with --to, a .safetensors file.
        model: Name of the architecture, see `list`; known for a published checkpoint.
        options: Fields of the model's config, e.g. depth=4 width=96.
        image_size: Side of its input, or height and width; position tables are resized.
        classes: Classes of the model; another number than the checkpoint's leaves its
            classifier out.
        grid: Height and width of the grid of the checkpoint's position table, e.g. 4x9,
            where its length does not tell them.
        which: Key of the weights in a file with several, e.g. model; a moving average
            is preferred.
        skip_head: Leave the checkpoint's classifier out.
        to: Write a model's weights under the names of this code instead.
        overwrite: Replace a file that is already there.
    """
    from keras_hybrid.weights import load_torch

    suffix = ".safetensors" if to else ".keras"
    if out.suffix != suffix:
        raise ValueError(f"--out must end in {suffix}: {out}.")
    if out.exists() and not overwrite:
        raise FileExistsError(f"{out} exists already; use --overwrite.")
    if to:
        return _write_torch(pathlib.Path(checkpoint), out, to)
    head = "skip" if skip_head else "if_same_classes" if classes else "strict"
    reader = functools.partial(load_torch, head=head, grid=_sides(grid), which=which)
    arguments = {"classes": classes} | parse_options(options, "--options")
    _convert(checkpoint, out, model, image_size, reader, arguments)


def weights_command(
    action: Annotated[Literal["pin"], tyro.conf.Positional],
    names: Annotated[tuple[str, ...], tyro.conf.Positional],
) -> None:
    """Pin published checkpoints: download each, and write what it is into the table.

    Args:
        action: pin.
        names: Names that `list --weights` gives.
    """
    from keras_hybrid.weights.resolver import pin

    for name in names:
        row = pin(name)
        print(f"{name}: {row.bytes:,} bytes, SHA-256 {row.sha256}", flush=True)


def print_published(pattern: str) -> None:
    """Prints the published checkpoints of the models that match a pattern.

    Raises:
        ValueError: If there are none.
    """
    from keras_hybrid import models
    from keras_hybrid.weights import list_published

    names = models.list_models(pattern)
    rows = [row for row in list_published() if row.variant in names]
    if not rows:
        raise ValueError(f"No weights of a model {pattern!r} are published.")
    print(
        f"{'model':21} {'name':48} {'top-1':>6}  {'size':7} {'resize':10} "
        f"{'filter':8} {'mean':5} {'classes':>7}  {'licence':10} SHA-256"
    )
    for row in rows:
        facts = row.preprocessing
        resize = f"crop {facts.crop:g}" if facts.fit == "crop" else facts.fit
        print(
            f"{row.variant:21} {row.name:48} "
            f"{f'{row.top1:.1f} %' if row.top1 else '-':>6}  "
            f"{'x'.join(map(str, row.image_size)):7} {resize:10} "
            f"{facts.interpolation:8} {facts.mean[0]:<5g} {row.classes:7}  "
            f"{row.licence or '-':10} "
            f"{'pinned' if row.sha256 else 'not pinned' if row.file else 'by hand'}"
        )


def _convert(
    source: str,
    out: pathlib.Path,
    model: str | None,
    image_size: tuple[int, ...],
    reader: Reader,
    arguments: dict[str, Any],
) -> None:
    from keras_hybrid import models
    from keras_hybrid.data import describe_preprocessing
    from keras_hybrid.models.checkpoints import resolve
    from keras_hybrid.utils.card import write_card
    from keras_hybrid.utils.card_fields import OF_MODEL
    from keras_hybrid.utils.files import sha256, write_atomically
    from keras_hybrid.weights import list_published

    known = {row.name: row.variant for row in list_published()}
    if model is None and source not in known:
        raise ValueError(f"{source} may be of any architecture: name it with --model.")
    variant = models.get(model or known[source])
    found = resolve(source, variant.name)
    built = variant.builder(
        weights=dataclasses.replace(found, reader=reader),
        input_shape=_shape(image_size, variant.family.input_shape[2]),
        **arguments,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, built.save)
    preprocessing = found.preprocessing or variant.family.preprocessing
    facts = describe_preprocessing(dataclasses.asdict(preprocessing))
    name = source if source in known else found.path.name
    card = {
        "model": variant.name,
        "source": name,
        "preprocessing": facts,
        OF_MODEL: sha256(out),
    }
    write_card(card, out.with_suffix(".card.json"))
    print(f"{out}: {variant.name} with the weights of {source}")


def _write_torch(source: pathlib.Path, out: pathlib.Path, code: str) -> None:
    from keras_hybrid.models.keras_file import keras_file, load_keras
    from keras_hybrid.weights import save_torch
    from keras_hybrid.weights.packages import require_reader

    require_reader(out.name)
    model = load_keras(keras_file(source))
    out.parent.mkdir(parents=True, exist_ok=True)
    save_torch(model, out, code)
    print(f"{out}: the weights of {source} with the names of {code}")


def _shape(image_size: tuple[int, ...], channels: int) -> tuple[int, int, int] | None:
    if len(image_size) > 2:
        raise ValueError("--image-size takes a side, or height and width.")
    return (image_size[0], image_size[-1], channels) if image_size else None


def _sides(grid: str | None) -> tuple[int, int] | None:
    if grid is None:
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", grid)
    if match is None:
        raise ValueError(f"--grid takes height x width, e.g. 4x9, not {grid!r}.")
    return int(match[1]), int(match[2])
