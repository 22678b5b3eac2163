"""AdamW, Muon, SGD and schedule-free AdamW, with weight decay where it belongs."""

from collections.abc import Mapping
from typing import Any

import keras

from keras_hybrid.train.layer_rates import with_layer_rates
from keras_hybrid.train.muon import Muon
from keras_hybrid.train.schedule import ProgressSchedule
from keras_hybrid.train.schedule_free import ScheduleFreeAdamW

OPTIMIZERS: dict[str, tuple[type[keras.optimizers.Optimizer], dict[str, Any]]] = {
    "adamw": (keras.optimizers.AdamW, {}),
    "muon": (Muon, {"adam_lr_ratio": 0.5, "momentum": 0.9, "rms_rate": 0.2}),
    "sgd": (keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}),
    "schedule_free": (ScheduleFreeAdamW, {}),
}


def make_optimizer(
    name: str,
    model: keras.Model,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    weight_decay: float,
    global_clipnorm: float | None,
    ema_momentum: float | None = None,
    gradient_accumulation_steps: int = 1,
    rates: Mapping[str, float] | None = None,
    scales_loss: bool = False,
) -> keras.optimizers.Optimizer:
    """An optimizer that decays `decayed_variables` only.

    Keras updates the moving average at every step, also at steps that only accumulate
    gradients. A root of the momentum makes the average decay as much per update as
    without accumulation. The average covers trainable variables only: BatchNorm's
    statistics are moving averages already.

    Args:
        name: `"adamw"`; `"muon"`, see `Muon`; `"sgd"` with Nesterov momentum of 0.9;
            or `"schedule_free"`, see `ScheduleFreeAdamW`. For all of them the decay per
            step is the weight decay times the learning rate, as for PyTorch's AdamW.
        model: The model it will train.
        learning_rate: A number or a schedule.
        weight_decay: Decoupled decay, relative to the learning rate.
        global_clipnorm: Largest norm of all gradients together; None leaves them.
        ema_momentum: Momentum of the moving average of the weights, per update; None
            keeps no average.
        gradient_accumulation_steps: Steps whose gradients are averaged into one update.
        rates: Factors of the learning rate by the path of the variable, see
            `layer_rates`; None for one rate.
        scales_loss: Whether the loss is scaled so that gradients fit into float16; a
            step whose gradients overflow is left out (Micikevicius et al. 2018).
    """
    steps = gradient_accumulation_steps
    muon = {"adam_weight_decay": weight_decay} if name == "muon" else {}
    kind, settings = OPTIMIZERS[name]
    if rates:
        kind = with_layer_rates(kind, rates)
    optimizer = kind(
        learning_rate,
        weight_decay=weight_decay,
        global_clipnorm=global_clipnorm,
        use_ema=ema_momentum is not None,
        ema_momentum=ema_momentum ** (1 / steps) if ema_momentum else 0.99,
        gradient_accumulation_steps=steps if steps > 1 else None,
        **settings,
        **muon,
    )
    decayed = {id(variable) for variable in decayed_variables(model)}
    spared = [v for v in model.trainable_variables if id(v) not in decayed]
    optimizer.exclude_from_weight_decay(var_list=spared)
    if isinstance(optimizer, Muon):
        optimizer.exclude_from_muon([*spared, *_outer_variables(model)])
    if isinstance(learning_rate, ProgressSchedule):
        for variable in learning_rate.variables:
            optimizer._track_variable(variable)
    return keras.optimizers.LossScaleOptimizer(optimizer) if scales_loss else optimizer


def _outer_variables(model: keras.Model) -> list[keras.Variable]:
    """The variables of the classifier and of auxiliary losses."""
    outer = [x for x in model._flatten_layers() if x.name in ("head", "gabor_loss")]
    return [variable for layer in outer for variable in layer.trainable_variables]


def decayed_variables(model: keras.Model) -> list[keras.Variable]:
    """The variables with weight decay: kernels, depthwise kernels included.

    One-dimensional variables (biases, norms, gates) have none, nor do the variables
    that a layer lists in `undecayed_variables` (class tokens, position tables), as in
    the published code of CvT, ConViT and CeiT.
    """
    # Keras has no public walk through layers within layers
    layers = model._flatten_layers()
    spared = {
        id(variable)
        for layer in layers
        for variable in getattr(layer, "undecayed_variables", ())
    }
    return [
        variable
        for variable in model.trainable_variables
        if len(variable.shape) > 1 and id(variable) not in spared
    ]
