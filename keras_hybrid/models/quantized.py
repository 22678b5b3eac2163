"""Models that Keras has quantized with `keras.Model.quantize`."""

import keras


def refuse_quantized(model: keras.Model, advice: str) -> None:
    """Checks that Keras has quantized no layer, before work that reads the kernels.

    Args:
        model: The model.
        advice: What to do instead, for the message.

    Raises:
        ValueError: If a layer is quantized.
    """
    # Keras has no public walk through layers within layers
    modes = {layer.quantization_mode for layer in model._flatten_layers()} - {None}
    if modes:
        raise ValueError(
            f"{model.name} is quantized to {', '.join(sorted(modes))} by Keras: "
            f"{advice}."
        )
