"""Layer-wise learning rates (Howard & Ruder 2018; as in BEiT, arXiv:2106.08254)."""

import functools
from collections.abc import Mapping
from typing import Any

import keras

from keras_hybrid import models
from keras_hybrid.utils.typing import Tensor


def layer_rates(network: keras.Model, decay: float) -> dict[str, float]:
    """The learning rate of each variable, as a share of the classifier's.

    A stage of `models.stages` has `decay` times the rate of the next one.

    Args:
        network: The model.
        decay: In (0, 1].

    Returns:
        Shares by the path of the variable.
    """
    groups = models.stages(network)
    return {
        variable.path: decay ** (len(groups) - 1 - depth)
        for depth, layers in enumerate(groups)
        for layer in layers
        for variable in layer.trainable_variables
    }


def with_layer_rates(
    optimizer: type[keras.optimizers.Optimizer], rates: Mapping[str, float]
) -> type[keras.optimizers.Optimizer]:
    """A kind of optimizer with a learning rate for each variable.

    Args:
        optimizer: The class. Its weight decay is decoupled and relative to the rate.
        rates: Factors of the learning rate by the path of the variable; 1 where a path
            is missing. The weight decay has the same factor.
    """

    class LayerRates(optimizer):
        def update_step(
            self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor
        ) -> None:
            # on TensorFlow `variable` is the one inside Keras' variable
            known = self._trainable_variables[self._get_variable_index(variable)]
            rate = learning_rate * rates.get(known.path, 1.0)
            if self.weight_decay and self._use_weight_decay(known):
                self.assign_sub(variable, variable * (self.weight_decay * rate))
            super().update_step(gradient, variable, rate)

        def _apply_weight_decay(self, variables: Any) -> None:
            """`update_step` decays."""

    functools.update_wrapper(LayerRates, optimizer, updated=())
    return LayerRates
