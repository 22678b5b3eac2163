"""AdamW with weight decay where it belongs."""

import keras

# Learned vectors that stand for no connection: class tokens and position tables.
_UNDECAYED = ("token", "table")


def adamw(
    model: keras.Model, learning_rate, weight_decay: float, clip_norm: float | None
) -> keras.optimizers.AdamW:
    """AdamW that decays only what `is_decayed` says.

    Args:
        model: The model it will train.
        learning_rate: A number or a schedule.
        weight_decay: Decoupled decay, relative to the learning rate.
        clip_norm: Largest norm of all gradients together; None leaves them.
    """
    optimizer = keras.optimizers.AdamW(
        learning_rate, weight_decay=weight_decay, global_clipnorm=clip_norm
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
