"""A recipe: everything that determines a training run, in one frozen dataclass."""

import ast
import dataclasses
import hashlib
import json
import pathlib
from typing import Any, Literal

from keras_hybrid.data.augmentation import Augmentation

# Where a run writes and what it does afterwards; not what it computes.
_OUTSIDE = {
    "workdir",
    "data_dir",
    "corrupt",
    "overwrite",
    "export",
    "resident",
    "devices",
    "model_parallel",
    "watch_attention",
    "rematerialise",
}
_COUNTS = (
    "epochs",
    "batch_size",
    "steps_per_execution",
    "accumulation",
    "repeats",
    "model_parallel",
)
# All but litert_int8, which needs images to calibrate on.
ExportFormat = Literal[
    "saved_model", "litert", "litert_float16", "litert_dynamic", "onnx", "openvino"
]

DEIT_AUGMENTATION = {
    "rand_augment": 9,
    "random_erasing": 0.25,
    "mixup": 0.8,
    "cutmix": 1.0,
}
"""Augmentation of DeiT (Touvron et al. 2021), which ConViT, CeiT and CvT share."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings of a training run; the attribute docs are the command line's help."""

    name: str = "run"
    """What the run is called; part of the default workdir."""
    dataset: str = "digits"
    """digits, cifar10, cifar100, tiny_imagenet, galaxy10, tfds:NAME (any set of
    tensorflow-datasets), or folder (a sub-folder of images for every class)."""
    data_dir: str | None = None
    """Folder with the data; without it the data set's own library finds it."""
    image_size: int | None = None
    """Side of the images that the model sees; None keeps the data's own."""
    corrupt: Literal["raise", "skip"] = "raise"
    """What to do about image files that cannot be decoded."""
    fraction: float = 1.0
    """Share of every class of the training images to use, in (0, 1]."""
    per_class: int | None = None
    """So many training images of every class, instead of a fraction."""
    validation: float = 0.1
    """Share of the training images held out to watch the run, in [0, 1)."""

    model: str = "atc3"
    """Name of the model, see `python -m keras_hybrid list`."""
    options: tuple[str, ...] = ()
    """Fields of the model's config, e.g. --options strides=(2,2,2) mlp_ratio=2."""
    weights: str | None = None
    """Checkpoint to start from: a .keras file or a published torch one."""
    drop_path_rate: float | None = None
    """Stochastic depth of the last block; None keeps the model's own."""
    dropout_rate: float = 0.0
    """Dropout before the classifier."""

    epochs: int = 30
    """Passes over the training images."""
    batch_size: int = 64
    """Images a step, of all devices together."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """AdamW, or SGD with momentum 0.9."""
    learning_rate: float = 1e-3
    """Highest learning rate, reached after the warm-up."""
    final_learning_rate: float = 1e-5
    """Learning rate at the end of the cosine."""
    warmup_epochs: float = 3.0
    """Epochs of linear warm-up."""
    weight_decay: float = 0.05
    """Decoupled weight decay of kernels; norms, biases, tokens and tables have none."""
    label_smoothing: float = 0.1
    """Share of the target spread over all classes."""
    clip_norm: float | None = None
    """Largest norm of all gradients together; None leaves them."""
    accumulation: int = 1
    """Steps whose gradients are averaged into one update."""
    ema: float | None = None
    """Momentum of the moving average of the weights, which is saved; e.g. 0.999."""

    random_crop: tuple[float, float] | None = None
    """Share of the image that a random resized crop keeps, e.g. 0.08 1."""
    padding: int = 4
    """Random shifts by up to so many pixels."""
    mirror: bool = False
    """Random left-right flips."""
    flip_vertical: bool = False
    """Random upside-down flips."""
    rotation: float = 0.0
    """Random rotations by up to so many degrees either way."""
    color_jitter: float = 0.0
    """Random changes of brightness, contrast and saturation, e.g. 0.4."""
    rand_augment: float = 0.0
    """Magnitude of RandAugment's two operations an image, 0 to 10; 9 is usual."""
    random_erasing: float = 0.0
    """Share of images with a box of noise, e.g. 0.25."""
    mixup: float = 0.0
    """Alpha of mixup, e.g. 0.8; each batch takes mixup or CutMix."""
    cutmix: float = 0.0
    """Alpha of CutMix, e.g. 1.0."""
    repeats: int = 1
    """How often an image comes in a batch; an epoch is as long and sees fewer."""
    augmenter: Literal["keras", "keras_cv"] = "keras"
    """Who augments: this package on Keras, in the step; or keras_cv, before it."""

    ordinal: bool = False
    """Classes have an order: report the share of answers at most one class off."""
    seed: int = 0
    """Of the initial weights, the order of images, augmentation and dropped paths."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Numbers that the layers compute in; weights stay float32."""
    jit: Literal["auto", "on", "off"] = "auto"
    """XLA compilation; auto is Keras' rule: always on JAX, on TensorFlow on GPUs."""
    rematerialise: bool = False
    """Compute all but linear maps anew for gradients: less memory; JAX only."""
    steps_per_execution: int = 1
    """Steps a call of the compiled function; more hides the call's cost on GPUs."""
    resident: Literal["auto", "on", "off"] = "auto"
    """Keep the training images on the device; auto does so on GPUs if they fit."""
    devices: int | Literal["all"] = 1
    """Accelerators that each process uses, see keras_hybrid.train.devices."""
    model_parallel: int = 1
    """Devices that share one copy of the model's weights; JAX only."""

    watch_attention: int = 0
    """Images of which the reach of attention is logged every epoch; 0 for none."""
    workdir: str | None = None
    """Where the run writes; None means saved_models/NAME-MODEL."""
    overwrite: bool = False
    """Start anew, deleting what a former run left in the workdir."""
    export: tuple[ExportFormat, ...] = ()
    """Files to export after training; int8 needs the command `export`."""

    def __post_init__(self):
        for name in _COUNTS:
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be 1 or more, not {getattr(self, name)}."
                )
        if self.devices != "all" and self.devices < 1:
            raise ValueError(f"devices must be 1 or more or all, not {self.devices}.")
        if not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must lie in (0, 1], not {self.fraction}.")
        if self.per_class is not None and (self.per_class < 1 or self.fraction < 1):
            raise ValueError(
                f"per_class must be 1 or more, and fraction left at 1; they are "
                f"{self.per_class} and {self.fraction}."
            )
        if self.image_size is not None and self.image_size < 1:
            raise ValueError(f"image_size must be 1 or more, not {self.image_size}.")
        if not 0 <= self.validation < 1:
            raise ValueError(f"validation must lie in [0, 1), not {self.validation}.")
        if not 0 <= self.warmup_epochs < self.epochs:
            raise ValueError(
                f"warmup_epochs must lie in [0, {self.epochs}), the epochs, not "
                f"{self.warmup_epochs}: give --warmup-epochs, too."
            )
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"ema must lie in (0, 1), not {self.ema}.")
        if self.augmenter == "keras_cv" and self.resident == "on":
            raise ValueError(
                "keras_cv augments on the host, where images cannot be resident on "
                "the device; use --resident off, or --augmenter keras."
            )
        self.augmentation()  # refuses what it cannot do

    @property
    def directory(self) -> pathlib.Path:
        """The workdir."""
        default = pathlib.Path("saved_models") / f"{self.name}-{self.model}"
        return pathlib.Path(self.workdir) if self.workdir else default

    def augmentation(self) -> Augmentation:
        """The fields that say how images are augmented."""
        names = [field.name for field in dataclasses.fields(Augmentation)]
        names.remove("extra_augmentations")
        renamed = {"horizontal_flip": "mirror", "vertical_flip": "flip_vertical"}
        return Augmentation(**{n: getattr(self, renamed.get(n, n)) for n in names})

    def settings(self) -> dict[str, Any]:
        """The fields that determine the result, ready for JSON."""
        fields = dataclasses.asdict(self)
        kept = {k: v for k, v in fields.items() if k not in _OUTSIDE}
        return json.loads(json.dumps(kept))

    def hash(self) -> str:
        """Twelve hex digits that name the settings."""
        text = json.dumps(self.settings(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def model_arguments(self) -> dict[str, Any]:
        """Arguments of the model's builder, `options` read as Python literals.

        Raises:
            ValueError: If an option is not `field=value`.
        """
        arguments = {
            "drop_path_rate": self.drop_path_rate,
            "dropout_rate": self.dropout_rate,
        }
        for option in self.options:
            field, equals, value = option.partition("=")
            if not equals:
                raise ValueError(f"--options takes field=value, not {option!r}.")
            try:
                arguments[field] = ast.literal_eval(value)
            except (SyntaxError, ValueError):
                arguments[field] = value  # a plain word, e.g. embedding=residual
        return arguments
