"""AdamW and SGD, with weight decay where it belongs."""

import functools

import keras

OPTIMIZERS = {
    "adamw": keras.optimizers.AdamW,
    "sgd": functools.partial(keras.optimizers.SGD, momentum=0.9),
}


def make_optimizer(
    name: str,
    model: keras.Model,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    weight_decay: float,
    global_clipnorm: float | None,
    ema_momentum: float | None = None,
    gradient_accumulation_steps: int = 1,
) -> keras.optimizers.Optimizer:
    """An optimizer that decays `decayed_variables` only.

    Keras updates the moving average at every step, also at steps that only accumulate
    gradients. A root of the momentum makes the average decay as much per update as
    without accumulation. The average covers trainable variables only: BatchNorm's
    statistics are moving averages already.

    Args:
        name: `"adamw"`, or `"sgd"` with momentum 0.9.
        model: The model it will train.
        learning_rate: A number or a schedule.
        weight_decay: Decoupled decay, relative to the learning rate.
        global_clipnorm: Largest norm of all gradients together; None leaves them.
        ema_momentum: Momentum of the moving average of the weights, per update; None
            keeps no average.
        gradient_accumulation_steps: Steps whose gradients are averaged into one update.
    """
    steps = gradient_accumulation_steps
    optimizer = OPTIMIZERS[name](
        learning_rate,
        weight_decay=weight_decay,
        global_clipnorm=global_clipnorm,
        use_ema=ema_momentum is not None,
        ema_momentum=ema_momentum ** (1 / steps) if ema_momentum else 0.99,
        gradient_accumulation_steps=steps if steps > 1 else None,
    )
    decayed = {id(variable) for variable in decayed_variables(model)}
    spared = [v for v in model.trainable_variables if id(v) not in decayed]
    optimizer.exclude_from_weight_decay(var_list=spared)
    return optimizer


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
