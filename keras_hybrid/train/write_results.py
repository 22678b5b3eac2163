"""What a trained model leaves: its test, as curves, report and card."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_hybrid.data import Dataset, Split
from keras_hybrid.train.curves import plot_curves
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.run_card import make_card
from keras_hybrid.train.run_report import write_report
from keras_hybrid.train.saved_predictions import save_predictions
from keras_hybrid.train.tasks import get_task
from keras_hybrid.utils.card import write_card
from keras_hybrid.utils.card_fields import OF_MODEL
from keras_hybrid.utils.files import sha256


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained model, and what its results are made of.

    Attributes:
        recipe: The settings.
        dataset: The images and classes.
        images: `Dataset.fingerprint` of the images.
        model: The model as it is saved.
        predictor: What `Task.trained` returned for the model, or its mean over views.
        validation: The images held out of the training; None if there are none.
        epochs: One dict per epoch, from `read_metrics`; none of a joint model.
        metrics: Metrics of the training, which follow those of the test.
        facts: More entries of the card.
    """

    recipe: Recipe
    dataset: Dataset
    images: str
    model: keras.Model
    predictor: Any
    validation: Split | None
    epochs: Sequence[dict[str, Any]]
    metrics: Mapping[str, float]
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def write_results(trained: Trained, directory: pathlib.Path) -> None:
    """Tests a model; writes its results, and last of all `card.json`.

    They are `test_predictions.npz`, `curves.png` and `report.html`.

    Args:
        trained: The model.
        directory: The folder of the run, whose name heads the curves.
    """
    recipe, dataset, epochs = trained.recipe, trained.dataset, list(trained.epochs)
    task = get_task(recipe.data.task)
    names, network = dataset.class_names, trained.predictor
    settled = task.settle(network, trained.validation, names)
    metrics, predictions = task.evaluate(recipe, network, dataset.test, settled)
    metrics |= trained.metrics
    card = make_card(recipe, dataset, trained.images, trained.model, metrics)
    card |= settled | task.summarize_test(recipe, dataset, predictions, settled)
    card |= trained.facts
    if (saved := directory / "model.keras").is_file():  # none in a rehearsal
        card |= {OF_MODEL: sha256(saved)}
    save_predictions(directory, dataset, predictions)
    if epochs:
        plot = directory / "curves.png"
        plot_curves(epochs, plot, directory.resolve().name, task.measure)
    write_report(directory / "report.html", card, epochs, dataset.test, predictions)
    write_card(card, directory / "card.json")  # last: a run with a card is complete
