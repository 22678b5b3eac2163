"""AdamW and SGD, with weight decay where it belongs."""

import functools

import keras

OPTIMIZERS = {
    "adamw": keras.optimizers.AdamW,
    "sgd": functools.partial(keras.optimizers.SGD, momentum=0.9),
}

# Learned vectors that stand for no connection: class tokens and position tables.
_UNDECAYED = ("token", "table")


def make_optimizer(
    name: str,
    model: keras.Model,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    weight_decay: float,
    clip_norm: float | None,
    ema: float | None = None,
    accumulation: int = 1,
) -> keras.optimizers.Optimizer:
    """An optimizer that decays only what `is_decayed` says.

    Keras takes a step of the moving average at every step, also at those that only
    gather gradients; with a root of the momentum it forgets as much an update as
    without `accumulation`. The average is of what is trained: BatchNorm's statistics
    are moving averages of their own and stay as they are.

    Args:
        name: `"adamw"`, or `"sgd"` with momentum 0.9.
        model: The model it will train.
        learning_rate: A number or a schedule.
        weight_decay: Decoupled decay, relative to the learning rate.
        clip_norm: Largest norm of all gradients together; None leaves them.
        ema: Momentum of the moving average of the weights, an update; None for none.
        accumulation: Steps whose gradients are averaged into one update.
    """
    optimizer = OPTIMIZERS[name](
        learning_rate,
        weight_decay=weight_decay,
        global_clipnorm=clip_norm,
        use_ema=ema is not None,
        ema_momentum=ema ** (1 / accumulation) if ema else 0.99,
        gradient_accumulation_steps=accumulation if accumulation > 1 else None,
    )
    spared = [v for v in model.trainable_variables if not is_decayed(v)]
    optimizer.exclude_from_weight_decay(var_list=spared)
    return optimizer


def is_decayed(variable: keras.Variable) -> bool:
    """Whether weight decay applies: to kernels, depthwise ones too.

    Not to biases, normalisation, gates (all one-dimensional), class tokens and
    position tables, as in the published code of CvT, ConViT and CeiT.
    """
    return len(variable.shape) > 1 and variable.name not in _UNDECAYED
