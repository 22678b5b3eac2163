"""A family from outside the package, with a name map for its torch weights.

The tests import it as an installed package would be, never by this path.
"""

import dataclasses

import keras

from keras_hybrid import layers, models, weights


@dataclasses.dataclass(frozen=True)
class ToyConfig:
    """Hyper-parameters of Toy."""

    depth: int = models.option(1, "Number of convolutions.")
    width: int = models.option(8, "Channels.")


def network(x, config):
    for i in range(config.depth):
        conv = layers.PaddedConv2D(config.width, 3, strides=2, name=f"conv{i + 1}")
        x = keras.layers.ReLU(name=f"relu{i + 1}")(conv(x))
    x = layers.FeatureOutput(name="stage1")(x)
    return x, keras.layers.GlobalAveragePooling2D("channels_last", name="mean")(x)


FAMILY = models.Family(
    name="Toy",
    network=network,
    config=ToyConfig,
    input_shape=(32, 32, 3),
    classes=10,
    paper="An example.",
)
Toy = models.family_builder(FAMILY)
Toy1 = models.variant(FAMILY, "Toy1", parameters=314, macs=55_376)
Toy2 = models.variant(FAMILY, "Toy2", parameters=898, macs=92_240, depth=2)

NAME_MAP = weights.register_name_map(
    weights.NameMap(
        "Toy, its authors' code",
        marker=r"^convs\.0\.",
        table={"convs.{i}": "conv{i}", "fc": "head"},
    )
)


def load_noise(data_dir, image_size, corrupt):
    """A dataset for the same package: 40 images of two classes."""
    import numpy as np

    from keras_hybrid import data

    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), "uint8")
    split = data.Split(pixels, np.arange(40) % 2)
    return data.Dataset("noise", split, split, ("ant", "bee"))
