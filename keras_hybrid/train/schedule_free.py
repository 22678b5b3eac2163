"""Schedule-free AdamW (Defazio et al. 2024, "The Road Less Scheduled")."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.utils.typing import Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
class ScheduleFreeAdamW(keras.optimizers.Optimizer):
    """AdamW on averaged weights, for a learning rate that does not fall.

    Three points per variable (arXiv:2405.15682, algorithm 1):

        z <- z - rate (Adam's direction at y + weight_decay y)
        x <- (1 - c) x + c z, c = rate^2 / (sum of rate^2 so far)      the average
        y <- (1 - beta_1) z + beta_1 x                                 the variable

    x stands where Keras keeps a moving average of the weights:
    `keras.callbacks.SwapEMAWeights` evaluates it, and it is what training ends with.
    Statistics of BatchNorm are those of y.

    Args:
        learning_rate: A number, or a schedule that is constant after its warm-up.
        weight_decay: Decoupled decay, relative to the learning rate.
        beta_1: Share of the average in the variable.
        beta_2: Decay of the second moment.
        epsilon: Added to the root of the second moment.
        **kwargs: As for every Keras optimizer, without a moving average.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 2.5e-3,
        weight_decay: float | None = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs | {"use_ema": True})
        self.decay = weight_decay or 0.0
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: list[keras.Variable]) -> None:
        """Creates z, the second moment and the sum of squared rates."""
        if self.built:
            return
        super().build(variables)
        self._z = self.add_optimizer_variables(variables, "z")
        self._second_moment = self.add_optimizer_variables(variables, "second_moment")
        self._rate_sum = [
            self.add_variable((), initializer="zeros", name=f"rate_sum_{i}")
            for i, _ in enumerate(variables)
        ]

    def update_step(
        self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor
    ) -> None:
        """One step of z, x and y."""
        index = self._get_variable_index(variable)
        slots = (self._z, self._model_variables_moving_average, self._second_moment)
        z_slot, x_slot, moment = (slot[index] for slot in slots)
        rate_sum = self._rate_sum[index]
        dtype = variable.dtype
        rate = ops.cast(learning_rate, rate_sum.dtype)
        bias = 1 - self.beta_2 ** ops.cast(self.iterations + 1, rate_sum.dtype)

        gradient = ops.cast(gradient, dtype)
        self.assign(moment, self.beta_2 * moment + (1 - self.beta_2) * gradient**2)
        step = gradient / (ops.sqrt(moment / ops.cast(bias, dtype)) + self.epsilon)
        if self.decay and self._use_weight_decay(self._trainable_variables[index]):
            step = step + self.decay * variable
        y, z, x = (ops.convert_to_tensor(v) for v in (variable, z_slot, x_slot))
        first = ops.equal(rate_sum, 0.0)
        z = ops.where(first, y, z) - ops.cast(rate, dtype) * step
        self.assign(rate_sum, rate_sum + rate**2)
        share = ops.cast(rate**2 / rate_sum, dtype)
        x = (1 - share) * ops.where(first, y, x) + share * z
        self.assign(z_slot, z)
        self.assign(x_slot, x)
        self.assign(variable, (1 - self.beta_1) * z + self.beta_1 * x)

    def _update_model_variables_moving_average(
        self, trainable_variables: list[keras.Variable]
    ) -> None:
        """`update_step` has made x."""

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "weight_decay": self.decay,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
