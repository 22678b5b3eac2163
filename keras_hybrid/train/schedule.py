"""The learning rate over a run."""

import keras


def warmup_cosine(
    peak: float, final: float, warmup_steps: int, total_steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Linear warm-up from `peak / 100`, then a cosine down to `final`.

    Args:
        peak: Learning rate after the warm-up.
        final: Learning rate at the last step.
        warmup_steps: Steps of the warm-up; 0 for none.
        total_steps: Steps of the whole run.
    """
    cosine = {
        "decay_steps": max(total_steps - warmup_steps, 1),
        "alpha": final / peak,
    }
    schedule = keras.optimizers.schedules.CosineDecay
    if not warmup_steps:
        return schedule(peak, **cosine)
    return schedule(peak / 100, warmup_target=peak, warmup_steps=warmup_steps, **cosine)
