"""The commands `keras-hybrid predict`, `evaluate`, `embeddings` and `suggest`."""

import pathlib
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

if TYPE_CHECKING:
    from keras_hybrid.inference.classifier import Classifier


def predict_command(
    model: Annotated[str, tyro.conf.Positional],
    paths: Annotated[tuple[str, ...], tyro.conf.Positional],
    top: int = 5,
    out: pathlib.Path | None = None,
    batch_size: int = 32,
    overwrite: bool = False,
    threshold: float | None = None,
    ray: bool = False,
    workers: int | None = None,
    column: str = "image",
    shard_size: int = 1000,
) -> None:
    """Classify image files, or predict their numbers, with a trained or exported model.

    Args:
        model: A .keras, .tflite or .onnx file, the folder of a SavedModel or an
            OpenVINO model, the folder of a run, which means its model.keras, or
            hf://owner/name.
        paths: Image files of any size and kind that Pillow reads; folders, searched
            with their sub-folders; patterns such as 'photos/**/*.jpg'; or - for a list
            of them on standard input.
        top: How many classes to give per image.
        out: File to write, which ends in .csv or .json; without it the predictions are
            printed.
        batch_size: Images per call of the model.
        overwrite: Replace a file that is already there.
        threshold: Of a model for several classes per image: the probability above which
            an image has a class, in place of those in the card.
        ray: Predict on a Ray cluster, or on all of this machine, into Parquet files in
            the folder --out. The same command goes on with what is missing. Paths may
            also be tar shards and Parquet tables.
        workers: With --ray: processes that predict; without it one per GPU, or one per
            machine.
        column: With --ray: column of a table with paths or contents of images.
        shard_size: With --ray: images per Parquet file.
    """
    if ray:
        if out is None:
            raise ValueError("--ray needs --out, a folder for Parquet files.")
        settings: dict[str, Any]
        settings = {"top": top, "threshold": threshold, "column": column}
        settings |= {"batch_size": batch_size, "shard_size": shard_size}
        settings |= {"workers": workers, "overwrite": overwrite}
        _predict_on_ray(model, paths, out, settings)
        return
    from keras_hybrid.inference.answers import ANSWERS
    from keras_hybrid.inference.classifier import load
    from keras_hybrid.inference.find_files import find_files
    from keras_hybrid.inference.predict_files import predict_files
    from keras_hybrid.inference.write_predictions import (
        FORMATS,
        print_predictions,
        write_predictions,
    )
    from keras_hybrid.utils.rejection import KNOWN

    if top < 1:
        raise ValueError(f"--top must be 1 or more, not {top}.")
    if out and out.suffix not in FORMATS:
        raise ValueError(f"--out must end in {' or '.join(FORMATS)}: {out}.")
    if out and out.exists() and not overwrite:
        raise FileExistsError(f"{out} exists already; use --overwrite.")
    files = find_files(paths, sys.stdin)
    classifier = load(model)
    answer = ANSWERS[classifier.task].prediction
    if threshold is not None and not answer.has_threshold:
        raise ValueError(f"--threshold has no meaning for {classifier.task}.")
    if threshold is not None:
        classifier.card["thresholds"] = [threshold] * len(classifier.classes)
    predictions = predict_files(classifier, files, batch_size, quiet=not out)
    top = min(top, len(classifier.classes))
    if out:
        columns = answer.columns(top, classifier.classes)
        columns += [KNOWN] if classifier.rejects else []
        unreadable = write_predictions(predictions, out, top, columns)
        print(f"{out}: {len(files):,} files")
    else:
        unreadable = print_predictions(predictions, top)
    _exit_if(unreadable, len(files))


def _predict_on_ray(
    model: str, paths: tuple[str, ...], out: pathlib.Path, settings: dict[str, Any]
) -> None:
    from keras_hybrid.inference.bulk.predict_on_ray import predict_on_ray

    found = predict_on_ray(model, paths, out, listed=sys.stdin, **settings)
    print(f"{out}: {found.images:,} images in {found.files:,} Parquet files", end="")
    print("" if found.new == found.files else f", {found.new:,} of them new")
    _exit_if(found.unreadable, found.images)


def evaluate_command(
    model: Annotated[str, tyro.conf.Positional],
    data: Annotated[pathlib.Path, tyro.conf.Positional],
    out: pathlib.Path | None = None,
    batch_size: int = 32,
    manifest: pathlib.Path | None = None,
) -> None:
    """Evaluate a trained or exported model on labelled images: text, JSON and a page.

    Args:
        model: A .keras, .tflite or .onnx file, the folder of a SavedModel or an
            OpenVINO model, the folder of a run, which means its model.keras, or
            hf://owner/name.
        data: Folder with one folder of images per class, optionally within train and
            test, or with a labels.csv; classes are matched to the model's by name, and
            numbers need the table.
        out: Folder to write into; `evaluation` beside the model by default, or here for
            a model of the hub.
        batch_size: Images per call of the model.
        manifest: Table of the folder, e.g. the run's manifest.csv, which names the
            images that the model was not trained on.
    """
    from keras_hybrid.inference.classifier import load
    from keras_hybrid.inference.evaluate_model import evaluate
    from keras_hybrid.inference.evaluation_page import write_page
    from keras_hybrid.inference.evaluation_text import evaluation_text
    from keras_hybrid.utils.card import write_card
    from keras_hybrid.utils.figures import require_matplotlib

    require_matplotlib("evaluate")
    _check_folder(out)
    classifier = load(model)
    result = evaluate(classifier, data, batch_size, manifest=manifest)
    out = out or _beside(classifier, model, "evaluation")
    out.mkdir(parents=True, exist_ok=True)
    name = classifier.path.name
    write_card(result.as_dict(), out / f"{name}.json")
    write_page(result, classifier, out / f"{name}.html")
    print(evaluation_text(result))
    print(f"\nWritten to {out}: {name}.html, {name}.json")
    unreadable = len(result.unreadable)
    _exit_if(unreadable, unreadable + len(result.labels))


def embeddings_command(
    model: Annotated[str, tyro.conf.Positional],
    data: Annotated[pathlib.Path, tyro.conf.Positional],
    out: pathlib.Path | None = None,
    format: Literal["npz", "parquet"] = "npz",
    batch_size: int = 32,
) -> None:
    """Write the features that a model computes of images, and a map of them as a page.

    Args:
        model: The folder of a run, its model.keras, or hf://owner/name.
        data: Folder of images, with labels as for training or without.
        out: Folder to write into; `embeddings` beside the model by default, or here for
            a model of the hub.
        format: File of the features: npz, or parquet, which needs pyarrow.
        batch_size: Images per call of the model.
    """
    from keras_hybrid.inference.classifier import load
    from keras_hybrid.inference.embed import embed
    from keras_hybrid.inference.embedding_files import WRITERS, require_format
    from keras_hybrid.inference.embedding_map import require_map, write_map

    require_map()
    require_format(f".{format}")
    _check_folder(out)
    classifier = load(model)
    found = embed(classifier, data, batch_size)
    out = out or _beside(classifier, model, "embeddings")
    out.mkdir(parents=True, exist_ok=True)
    WRITERS[f".{format}"](found, out / f"embeddings.{format}")
    write_map(found, out / "map.html")
    count, size = found.features.shape
    print(f"{count:,} images with {size:,} features each.")
    print(f"Written to {out}: embeddings.{format}, map.html")
    _exit_if(len(found.unreadable), count + len(found.unreadable))


def suggest_command(
    model: Annotated[str, tyro.conf.Positional],
    data: Annotated[pathlib.Path, tyro.conf.Positional],
    count: int = 100,
    out: pathlib.Path | None = None,
    batch_size: int = 32,
) -> None:
    """Choose the images without labels that are worth labelling next.

    Args:
        model: A .keras, .tflite or .onnx file, the folder of a SavedModel or an
            OpenVINO model, the folder of a run, which means its model.keras, or
            hf://owner/name.
        data: Folder of images without labels, searched with its sub-folders.
        count: How many images to choose.
        out: Folder to write into; `suggested` beside the model by default, or here for
            a model of the hub.
        batch_size: Images per call of the model.
    """
    from keras_hybrid.inference.classifier import load
    from keras_hybrid.inference.suggest import suggest
    from keras_hybrid.inference.suggestion_files import write_page, write_table

    _check_folder(out)
    classifier = load(model)
    found = suggest(classifier, data, count, batch_size)
    out = out or _beside(classifier, model, "suggested")
    out.mkdir(parents=True, exist_ok=True)
    write_table(found, data, out / "suggested.csv")
    write_page(found, out / "suggested.html")
    print(f"{len(found.paths):,} of {found.looked_at:,} images are suggested.")
    print(f"Written to {out}: suggested.html, suggested.csv")
    unreadable = len(found.unreadable)
    _exit_if(unreadable, found.looked_at + unreadable)


def _check_folder(out: pathlib.Path | None) -> None:
    if out and out.exists() and not out.is_dir():
        raise NotADirectoryError(f"--out {out} is a file; give a folder.")


def _beside(classifier: "Classifier", model: str, name: str) -> pathlib.Path:
    """A folder beside a model, or here for a model of the hub."""
    from keras_hybrid.inference.hub_model import is_on_the_hub

    place = pathlib.Path() if is_on_the_hub(model) else classifier.path.parent
    return place / name


def _exit_if(unreadable: int, count: int) -> None:
    """Ends the program with exit code 1 if files could not be read."""
    if unreadable:
        print(f"error: {unreadable} of {count} files cannot be read.", file=sys.stderr)
        sys.exit(1)
