"""The command line: `keras-hybrid COMMAND`, or `python -m keras_hybrid COMMAND`."""

import dataclasses
import functools
import pathlib
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import tyro

from keras_hybrid.data.check.commands import check_command
from keras_hybrid.export.web.commands import demo_command
from keras_hybrid.inference.commands import (
    embeddings_command,
    evaluate_command,
    predict_command,
    suggest_command,
)
from keras_hybrid.inference.compare.commands import compare_command
from keras_hybrid.program import run_recipe, take_option
from keras_hybrid.publish.commands import push_command
from keras_hybrid.restart import command_line
from keras_hybrid.train.learning_curve_options import LearningCurve
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.review.commands import review_command
from keras_hybrid.train.tune_options import Tuning
from keras_hybrid.utils.compilation_cache import keep_compiled
from keras_hybrid.utils.one_line_errors import REPEATS, RESUMES, one_line_errors
from keras_hybrid.weights_commands import (
    convert_command,
    print_published,
    weights_command,
)

_RESUMING = ("tune", "curve")
_PRINTING = ("list", "info", "predict", "weights")


def list_command(
    pattern: Annotated[str, tyro.conf.Positional] = "*", weights: bool = False
) -> None:
    """List the models with their size and their published accuracy.

    Args:
        pattern: Names to list, e.g. 'atc*'.
        weights: List the published checkpoints of these models instead.
    """
    from keras_hybrid import models

    if weights:
        return print_published(pattern)

    names = models.list_models(pattern)
    if not names:
        raise ValueError(f"No model matches {pattern!r}; without a pattern all do.")
    for name in names:
        variant = models.get(name)
        size = "x".join(map(str, variant.family.input_shape))
        print(
            f"{name:20} {variant.parameters / 1e6:7.2f} M parameters "
            f"{variant.macs / 1e9:7.2f} G MACs at {size:11} {variant.reported}"
        )


def info_command(model: Annotated[str, tyro.conf.Positional]) -> None:
    """Show everything known about a model, given by name or as a .keras file.

    Args:
        model: A name that `list` gives, or the path of a .keras file.
    """
    from keras_hybrid import models

    if model.endswith(".keras"):
        from keras_hybrid.models.keras_file import load_keras

        load_keras(pathlib.Path(model)).summary()
        return
    variant = models.get(model)
    family = variant.family
    print(f"{variant.builder.__name__}, of the {family.name} family. {family.paper}")
    print(f"parameters     {variant.parameters:,} at the default size and classes")
    print(f"multiply-adds  {variant.macs:,}")
    print(f"input          {family.input_shape}, {family.classes} classes")
    print(f"reported       {variant.reported or '-'}")
    for name, value in dataclasses.asdict(family.preprocessing).items():
        print(f"{name:14} {value}")
    print("config")
    for field in dataclasses.fields(variant.config):
        value = getattr(variant.config, field.name)
        print(f"  {field.name:20} {value!s:24} {field.metadata.get('help', '')}")


def export_command(
    model: Annotated[pathlib.Path, tyro.conf.Positional],
    formats: tuple[str, ...] = ("saved_model", "litert"),
    out: pathlib.Path | None = None,
    images: pathlib.Path | None = None,
    calibration: pathlib.Path | None = None,
    calibration_images: int = 300,
    integers_only: bool = False,
    tta: Literal["none", "flip", "flip_shift", "d4"] | None = None,
    golden: Literal["real", "generated", "none"] = "real",
    overwrite: bool = False,
    runtime: pathlib.Path | None = None,
    fetch_runtime: bool = False,
    opset: int | None = None,
    batch: int | None = None,
    model_version: int = 1,
) -> None:
    """Write a trained model in formats that need no Keras, and check each.

    Args:
        model: A .keras file, or the folder of a run.
        formats: What to write: saved_model, litert, litert_float16, litert_dynamic,
            litert_int8, onnx, openvino, web; serving or triton, the folders of
            TensorFlow Serving and of NVIDIA Triton; or the format of a plugin.
        out: Folder to write into; without it the model's own.
        images: Images for the comparison with the original: a folder, or a .npz file
            with `images` or `x_test`; without it random images.
        calibration: For litert_int8: a folder of images, or a .npz file with `images`
            or `x_train`.
        calibration_images: How many of them to take, spread over all.
        integers_only: For litert_int8: quantize all operations, not only dense layers,
            with uint8 input and output, for devices without floats; less accurate.
        tta: Test-time augmentation in the files: the mean over mirror images, these and
            shifts, or quarter turns and mirror images; without it as in training.
        golden: Images of the self-test in the folder `golden`: real, five of ten from
            the run's test images, if it trained on a folder; generated; or none.
        overwrite: Replace files that are already there.
        runtime: For web: the npm package of ONNX Runtime Web, its .tgz file or folder,
            of which a copy is kept for later.
        fetch_runtime: For web: download that package, 33 MB once.
        opset: For onnx: the version of its operations, 17 to 23; without it 18, which
            runtimes since 2023 read.
        batch: Batches of this size alone, e.g. 1, for programs that take no file with
            dynamic lengths; without it of any size.
        model_version: For serving and triton: the version, of which servers take the
            largest.
    """
    from keras_hybrid.data.read_images import load_images
    from keras_hybrid.export import export
    from keras_hybrid.export.formats import require
    from keras_hybrid.export.golden import FOLDER
    from keras_hybrid.export.model_card import read_card
    from keras_hybrid.export.web.runtime_files import get_runtime
    from keras_hybrid.models.keras_file import keras_file, load_keras

    get_runtime(runtime, fetch_runtime)
    for name in formats:
        require(name)
    path = keras_file(model)
    facts = read_card(path).get("preprocessing", {})
    test_images = calibration_set = None
    if images or calibration:
        shape = load_keras(path).input_shape[1:]
        if images:
            test_images = load_images(images, shape, facts)
        if calibration:
            calibration_set = load_images(
                calibration, shape, facts, "train", calibration_images
            )
    export(
        path,
        formats,
        out or path.parent,
        overwrite,
        test_images,
        calibration_set,
        integers_only,
        tta,
        golden,
        progress=functools.partial(print, flush=True),
        opset=opset,
        batch=batch,
        version=model_version,
    )
    pack = (out or path.parent) / FOLDER
    if golden != "none" and pack.exists():
        print(f"Images, expected logits and self-tests: {pack}")


def verify_command(path: Annotated[pathlib.Path, tyro.conf.Positional]) -> None:
    """Check exported files again: that none changed, and that each still works.

    Args:
        path: A folder with exported files, or one of them.
    """
    from keras_hybrid.export import verify

    verify(path, progress=functools.partial(print, flush=True))


def analyse_command(
    model: Annotated[pathlib.Path, tyro.conf.Positional],
    images: pathlib.Path,
    out: pathlib.Path | None = None,
    count: int = 32,
) -> None:
    """Write a page with attention maps, receptive fields and size of a model, and CSV.

    Args:
        model: A .keras file, or the folder of a run.
        images: Folder of images, or of one folder of images per class.
        out: Folder of the page; `analysis` beside the model by default.
        count: Number of images, spread evenly over the folder.
    """
    import numpy as np

    from keras_hybrid.analysis.analysis_page import write_report
    from keras_hybrid.analysis.choose_images import choose_images, labels_from_folders
    from keras_hybrid.data.read_images import read_image
    from keras_hybrid.export.model_card import read_card
    from keras_hybrid.models import adopt
    from keras_hybrid.models.keras_file import keras_file, load_keras
    from keras_hybrid.utils.figures import require_matplotlib

    require_matplotlib("analyse")
    path = keras_file(model)
    loaded, card = adopt(load_keras(path)), read_card(path)
    shape, facts = loaded.input_shape[1:], card.get("preprocessing", {})
    if None in shape:
        raise ValueError(f"{path} takes any size: build it with one input_shape.")
    paths = choose_images(images, count)
    pixels = np.stack([read_image(x, shape, facts) for x in paths])
    page = write_report(
        loaded,
        pixels.astype("float32"),
        out or path.parent / "analysis",
        titles=[str(x.relative_to(images)) for x in paths],
        labels=labels_from_folders(paths, card.get("class_names", [])),
        log=path.parent / "locality.csv",
    )
    print(f"{page} and the CSV files beside it")


def train_command(
    arguments: tyro.conf.Positional[tuple[str, ...]] = (),
) -> None:
    """Train a model on a dataset; every setting is an option."""
    from keras_hybrid.shipped_recipes import recipe_names, run_shipped_recipe

    others, names = list(arguments), recipe_names()
    with one_line_errors():
        name = take_option(others, "--recipe", "the name of a recipe, or a file")
    if name in names:
        run_shipped_recipe(name, others)
        return
    doc = f"{train_command.__doc__}\n\n--recipe NAME runs one of {', '.join(names)}."
    run_recipe(Recipe(), doc, arguments, "keras-hybrid train")


def tune_command(tuning: Annotated[Tuning, tyro.conf.arg(name="")]) -> None:
    """Search for the best settings of a training run, on validation images alone."""
    from keras_hybrid.train.tune import tune

    tune(tuning)
    directory = tuning.recipe.directory
    print(f"\nWritten to {directory}: trials.csv, plots and recipe.json. Train by it:")
    print(f"  keras-hybrid train --recipe {shlex.quote(f'{directory}/recipe.json')}")


def curve_command(
    settings: Annotated[LearningCurve, tyro.conf.arg(name="")],
) -> None:
    """Train on shares of the images, and forecast what twice the images would bring."""
    from keras_hybrid.train.learning_curve import learning_curve

    found = learning_curve(settings)
    print(f"\n{found['text']}")
    print(
        f"\nWritten to {settings.recipe.directory}: curve.html, curve.csv, curve.json"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; errors are one line, with a non-zero exit code."""
    commands: dict[str, Callable[..., Any]] = {
        "list": list_command,
        "info": info_command,
        "check": check_command,
        "review": review_command,
        "train": train_command,
        "tune": tune_command,
        "curve": curve_command,
        "predict": predict_command,
        "evaluate": evaluate_command,
        "compare": compare_command,
        "embeddings": embeddings_command,
        "suggest": suggest_command,
        "export": export_command,
        "verify": verify_command,
        "demo": demo_command,
        "push": push_command,
        "convert": convert_command,
        "weights": weights_command,
        "analyse": analyse_command,
    }
    own = arguments is None
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["train"]:  # it has a help of its own
        with command_line(own):
            train_command(tuple(arguments[1:]))
        return
    command = arguments[0] if arguments else ""
    resumes = command in _RESUMING or "--ray" in arguments
    after_stop = RESUMES if resumes else REPEATS
    with one_line_errors(after_stop, prints=command in _PRINTING):
        keep_compiled()
        tyro.extras.subcommand_cli_from_dict(
            commands,
            prog="keras-hybrid",
            description="Hybrid convolution-attention image classifiers for Keras 3.",
            args=arguments,
            config=(tyro.conf.OmitArgPrefixes,),
        )
