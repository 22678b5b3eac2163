"""A recipe: everything that determines a training run, in one frozen dataclass."""

import ast
import dataclasses
import hashlib
import json
import pathlib
from typing import Any, Literal

# Where a run writes and what it does afterwards; not what it computes.
_OUTSIDE = {"workdir", "data_dir", "overwrite", "export"}
# All but litert_int8, which needs images to calibrate on.
ExportFormat = Literal[
    "saved_model", "litert", "litert_float16", "litert_dynamic", "onnx", "openvino"
]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings of a training run; the attribute docs are the command line's help."""

    name: str = "run"
    """What the run is called; part of the default workdir."""
    dataset: str = "digits"
    """Data set, see keras_hybrid.data.SOURCES."""
    data_dir: str | None = None
    """Folder with the data; without it the data set's own library finds it."""
    fraction: float = 1.0
    """Share of every class of the training images to use, in (0, 1]."""
    validation: float = 0.1
    """Share of the training images held out to watch the run, in [0, 1)."""

    model: str = "atc3"
    """Name of the model, see `python -m keras_hybrid list`."""
    options: tuple[str, ...] = ()
    """Fields of the model's config, e.g. --options strides=(2,2,2) mlp_ratio=2."""
    drop_path_rate: float | None = None
    """Stochastic depth of the last block; None keeps the model's own."""
    dropout_rate: float = 0.0
    """Dropout before the classifier."""

    epochs: int = 30
    """Passes over the training images."""
    batch_size: int = 64
    """Images a step."""
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

    padding: int = 4
    """Random shifts by up to so many pixels."""
    mirror: bool = False
    """Random left-right flips."""

    seed: int = 0
    """Of the initial weights, the order of images, augmentation and dropped paths."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Numbers that the layers compute in; weights stay float32."""
    jit: Literal["auto", "on", "off"] = "auto"
    """XLA compilation; auto is Keras' rule: always on JAX, on TensorFlow on GPUs."""
    steps_per_execution: int = 1
    """Steps a call of the compiled function; more hides the call's cost on GPUs."""

    workdir: str | None = None
    """Where the run writes; None means saved_models/NAME-MODEL."""
    overwrite: bool = False
    """Start anew, deleting what a former run left in the workdir."""
    export: tuple[ExportFormat, ...] = ()
    """Files to export after training; int8 needs the command `export`."""

    def __post_init__(self):
        if self.epochs < 1 or self.batch_size < 1 or self.steps_per_execution < 1:
            raise ValueError(
                "epochs, batch_size and steps_per_execution must be 1 or more."
            )
        if not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must lie in (0, 1], not {self.fraction}.")
        if not 0 <= self.validation < 1:
            raise ValueError(f"validation must lie in [0, 1), not {self.validation}.")
        if not 0 <= self.warmup_epochs < self.epochs:
            raise ValueError(
                f"warmup_epochs must lie in [0, epochs), not {self.warmup_epochs}."
            )

    @property
    def directory(self) -> pathlib.Path:
        """The workdir."""
        default = pathlib.Path("saved_models") / f"{self.name}-{self.model}"
        return pathlib.Path(self.workdir) if self.workdir else default

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
