"""The commands `keras-hybrid predict` and `keras-hybrid evaluate`."""

import pathlib
import sys
from typing import Annotated

import tyro


def predict_command(
    model: Annotated[str, tyro.conf.Positional],
    paths: Annotated[tuple[str, ...], tyro.conf.Positional],
    top: int = 5,
    out: pathlib.Path | None = None,
    batch_size: int = 32,
    overwrite: bool = False,
) -> None:
    """Classify image files with a trained or exported model.

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
    """
    from keras_hybrid.inference.classifier import load
    from keras_hybrid.inference.find_files import find_files
    from keras_hybrid.inference.predict_files import predict_files
    from keras_hybrid.inference.write_predictions import (
        FORMATS,
        print_predictions,
        write_predictions,
    )

    if top < 1:
        raise ValueError(f"--top must be 1 or more, not {top}.")
    if out and out.suffix not in FORMATS:
        raise ValueError(f"--out must end in {' or '.join(FORMATS)}: {out}.")
    if out and out.exists() and not overwrite:
        raise FileExistsError(f"{out} exists already; use --overwrite.")
    files = find_files(paths, sys.stdin)
    classifier = load(model)
    predictions = predict_files(classifier, files, batch_size, quiet=not out)
    top = min(top, len(classifier.classes))
    if out:
        unreadable = write_predictions(predictions, out, top)
        print(f"{out}: {len(files):,} files")
    else:
        unreadable = print_predictions(predictions, top)
    _exit_if(unreadable, len(files))


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
            test, or with a labels.csv; classes are matched to the model's by name.
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
    from keras_hybrid.inference.hub_model import is_on_the_hub
    from keras_hybrid.utils.card import write_card
    from keras_hybrid.utils.figures import require_matplotlib

    require_matplotlib("evaluate")
    if out and out.exists() and not out.is_dir():
        raise NotADirectoryError(f"--out {out} is a file; give a folder.")
    classifier = load(model)
    result = evaluate(classifier, data, batch_size, manifest=manifest)
    place = pathlib.Path() if is_on_the_hub(model) else classifier.path.parent
    out = out or place / "evaluation"
    out.mkdir(parents=True, exist_ok=True)
    name = classifier.path.name
    write_card(result.as_dict(), out / f"{name}.json")
    write_page(result, classifier, out / f"{name}.html")
    print(evaluation_text(result))
    print(f"\nWritten to {out}: {name}.html, {name}.json")
    unreadable = len(result.unreadable)
    _exit_if(unreadable, unreadable + len(result.labels))


def _exit_if(unreadable: int, count: int) -> None:
    """Ends the program with exit code 1 if files could not be read."""
    if unreadable:
        print(f"error: {unreadable} of {count} files cannot be read.", file=sys.stderr)
        sys.exit(1)
