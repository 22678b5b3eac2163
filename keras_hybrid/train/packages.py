"""The optional packages of a training run, checked before it reads an image."""

from keras_hybrid.data.image_groups import require_packages as require_for_groups
from keras_hybrid.data.keras_cv_layers import require_keras_cv
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.utils.figures import require_matplotlib
from keras_hybrid.weights.packages import require_for_weights


def require_packages(recipe: Recipe) -> None:
    """Checks that a run will not lack a package after hours of training.

    A dataset checks its own package before it reads or downloads anything.

    Args:
        recipe: The settings.

    Raises:
        ImportError: If a package is missing; one line names the extra.
    """
    require_matplotlib("The report of a run")
    if recipe.augmentation.augmenter == "keras_cv":
        require_keras_cv()
    if recipe.data.group_by != "none":
        require_for_groups()
    network = recipe.network
    if network.weights:
        require_for_weights(network.weights, network.model)
