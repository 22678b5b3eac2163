"""How many labels are wrong, and which, by predictions for images left out.

The model: an image has the given label y with the probability (1 - e) p(y) + e (1 -
p(y)) / (K - 1), where p are calibrated probabilities of its true class and e is the
share of wrong labels, which are any other class. Temperature, biases of the classes and
e maximize the likelihood of the given labels. Hard images lower p, wrong labels lower
the agreement where p is near 1; so the two are told apart. The posterior probability
that a label is wrong falls with p(y), the self-confidence of confident learning
(Northcutt, Jiang, Chuang 2021, arXiv:1911.00068), which is the rank of a suspect there.
"""

import dataclasses

import numpy as np

from keras_hybrid.train.evaluate import log_softmax

MOST_IMAGES = 20_000
"""Images from which temperature, biases and noise are estimated."""
_RATES = np.arange(240) / 400
_TEMPERATURES = np.geomspace(0.1, 30, 40)
_ROUNDS = 10
_CHI_SQUARE = 3.841  # 95 % point, one degree of freedom


@dataclasses.dataclass(frozen=True)
class LabelNoise:
    """What predictions say of labels.

    Attributes:
        rate: Estimated share of wrong labels.
        low, high: Its 95 % interval, by the likelihood.
        probabilities: Calibrated probabilities of the true class, `(N, classes)`.
        wrong: Probability that each label is wrong, `(N,)`.
    """

    rate: float
    low: float
    high: float
    probabilities: np.ndarray
    wrong: np.ndarray


def label_noise(scores: np.ndarray, labels: np.ndarray) -> LabelNoise:
    """Estimates how many labels are wrong, and the probability of each to be.

    Args:
        scores: Predictions for images that were left out of training, `(N, classes)`:
            logits, logarithms of probabilities, or scores that grow with them.
        labels: Given class numbers `(N,)`.
    """
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(labels))[:MOST_IMAGES]
    fits = [_fit(t, scores[chosen], labels[chosen]) for t in _TEMPERATURES]
    losses = np.stack([losses for losses, _ in fits])  # (temperatures, rates)
    best, at = np.unravel_index(losses.argmin(), losses.shape)
    rate = float(_RATES[at])
    likely = losses.min(0) - losses.min() <= _CHI_SQUARE / 2
    inside = _RATES[likely]
    logits = _TEMPERATURES[best] * scores + fits[best][1]
    probabilities = np.exp(log_softmax(logits))
    given = probabilities[np.arange(len(labels)), labels]
    other = max(rate, _RATES[1]) * (1 - given) / (scores.shape[1] - 1)
    wrong = other / (other + (1 - max(rate, _RATES[1])) * given)
    return LabelNoise(rate, float(inside[0]), float(inside[-1]), probabilities, wrong)


def _fit(
    temperature: float, scores: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Negative log-likelihood of each rate `(rates,)`, and the biases `(classes,)`.

    The biases make the mean probability of each class its share of the labels.
    """
    classes = scores.shape[1]
    share = np.bincount(labels, minlength=classes) / len(labels)
    bias = np.zeros(classes)
    for _ in range(_ROUNDS):
        found = np.exp(log_softmax(temperature * scores + bias)).mean(0)
        bias += np.log((share + 1e-9) / (found + 1e-9))
    given = np.exp(log_softmax(temperature * scores + bias))
    given = given[np.arange(len(labels)), labels][:, None]
    likelihood = (1 - _RATES) * given + _RATES * (1 - given) / (classes - 1)
    return -np.log(likelihood + 1e-12).sum(0), bias
