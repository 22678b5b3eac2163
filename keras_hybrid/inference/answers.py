"""What a model of each task says, and how it is compared with labelled images."""

from typing import NamedTuple

from keras_hybrid.data.targets import CLASSIFICATION
from keras_hybrid.inference.answer import Answer
from keras_hybrid.inference.class_evaluation import EvaluationResult
from keras_hybrid.inference.evaluation import Evaluation
from keras_hybrid.inference.label_set_evaluation import LabelSetEvaluation
from keras_hybrid.inference.label_set_prediction import LabelSetPrediction
from keras_hybrid.inference.number_evaluation import NumberEvaluation
from keras_hybrid.inference.number_prediction import NumberPrediction
from keras_hybrid.inference.prediction import Prediction


class Answers(NamedTuple):
    """The types of a task.

    Attributes:
        prediction: What `predict` returns.
        evaluation: What `evaluate` returns.
    """

    prediction: type[Answer]
    evaluation: type[Evaluation]


ANSWERS: dict[str, Answers] = {
    CLASSIFICATION: Answers(Prediction, EvaluationResult),
    "multilabel": Answers(LabelSetPrediction, LabelSetEvaluation),
    "regression": Answers(NumberPrediction, NumberEvaluation),
}
"""The types by the name of the task, see `train.tasks`."""


def register_answers(task: str, answers: Answers) -> None:
    """Adds the types of a task, for models that this process loads.

    Raises:
        ValueError: If the task has types already.
    """
    if task in ANSWERS:
        raise ValueError(f"The task name {task!r} is taken; choose another.")
    ANSWERS[task] = answers


def task_of(card_task: str | None, output: str | None) -> str:
    """The task of a model.

    Args:
        card_task: What its card says, if it does.
        output: The name of its output, if that is known.

    Raises:
        ValueError: If the card names a task that is not known.
    """
    if card_task is None:
        found = (x for x, y in ANSWERS.items() if y.prediction.output == output)
        return next(found, CLASSIFICATION)
    if card_task not in ANSWERS:
        known = ", ".join(ANSWERS)
        raise ValueError(f"The card's task is {card_task!r}; known: {known}.")
    return card_task
