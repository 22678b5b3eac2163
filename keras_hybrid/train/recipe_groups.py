"""The settings of a training run by group: images, network, optimization and so on."""

import dataclasses
import math
from typing import Annotated, Any, Literal

import tyro

from keras_hybrid.data import augmentation
from keras_hybrid.train.freeze import stage_count
from keras_hybrid.utils.options import parse_options
from keras_hybrid.utils.typing import Fit

DEFAULT_MINUTES = 15.0
"""Time of a run without --epochs and --minutes."""


def _check_counts(group: Any, *names: str, least: int = 1) -> None:
    for name in names:
        value = getattr(group, name)
        if value < least:
            raise ValueError(f"{name} must be {least} or more, not {value}.")


@dataclasses.dataclass(frozen=True)
class Data:
    """The images of a run."""

    dataset: str = "digits"
    """digits, cifar10, cifar100, tiny_imagenet, galaxy10, tfds:NAME (any dataset of
    tensorflow-datasets), or folder (a sub-folder of images per class)."""
    task: str = "classification"
    """What the model learns: classification, one class per image; multilabel, any
    number of classes, as cat;dog in the column label of a table or as a column of 0 and
    1 for each; or regression, the number in the column label."""
    image_size: int | None = None
    """Side of the images that the model sees, in pixels; None keeps the data's own."""
    fit: Fit = "crop"
    """How an image of another shape fills the square, in training and ever after: crop
    keeps the center, pad adds black bars, stretch changes the aspect ratio."""
    pixel_range: tuple[float, float] | None = None
    """The values that become 0 and 255 in image files of more than 8 bits of a folder,
    e.g. 0 4095; None finds them."""
    class_range: tuple[int, int] | None = None
    """Use only classes from the first number up to, not including, the second, counted
    from 0 in the dataset's order, e.g. 0 10; None uses all."""
    fraction: float = 1.0
    """Share of the training images of every class to use, in (0, 1]."""
    per_class: int | None = None
    """Number of training images per class to use, instead of a fraction."""
    validation_split: float = 0.1
    """Share of the training images held out for validation, in [0, 1)."""
    group_by: str = "none"
    """Keep images of a folder together in every split: auto, for copies and suspected
    sequences, see keras-hybrid check; parent, for the folder of each file; a column of
    its table; or a regular expression with a group, e.g. '(patient[0-9]+)'."""
    folds: int = 0
    """Cross-validate with this number of folds: train one network per fold, and save
    one model that averages their logits; 0 turns it off."""
    fold: int | None = None
    """Train only fold N, from 1: the network that does not see its images."""
    ordinal: bool = False
    """Classes have an order: also report predictions at most one class off."""

    def __post_init__(self) -> None:
        if not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must lie in (0, 1], not {self.fraction}.")
        if self.class_range and not 0 <= self.class_range[0] < self.class_range[1]:
            raise ValueError(
                f"class_range takes two numbers, 0 <= first < second, not "
                f"{self.class_range}."
            )
        if self.per_class is not None and (self.per_class < 1 or self.fraction < 1):
            raise ValueError(
                f"per_class must be 1 or more, and fraction left at 1; they are "
                f"{self.per_class} and {self.fraction}."
            )
        if self.image_size is not None and self.image_size < 1:
            raise ValueError(f"image_size must be 1 or more, not {self.image_size}.")
        if not 0 <= self.validation_split < 1:
            raise ValueError(
                f"validation_split must lie in [0, 1), not {self.validation_split}."
            )
        if self.folds < 0 or self.folds == 1:
            raise ValueError(f"folds must be 2 or more, not {self.folds}.")
        if self.fold is not None and not self.folds:
            raise ValueError("--fold needs --folds, their number.")
        if self.fold is not None and not 1 <= self.fold <= self.folds:
            raise ValueError(f"fold must lie in [1, {self.folds}], not {self.fold}.")


@dataclasses.dataclass(frozen=True)
class Network:
    """The network that is trained, and its initial weights."""

    model: str = "atc3"
    """Name of the model, see keras-hybrid list; auto chooses one for few images."""
    model_options: tuple[str, ...] = ()
    """Fields of the model's config, e.g. strides=2,2,2 mlp_ratio=2."""
    weights: str | None = None
    """Pretrained weights: imagenet, a name that list --weights gives, hf://owner/name,
    or the path of a .keras file or torch checkpoint."""
    drop_path_rate: float | None = None
    """Stochastic depth of the last block; None keeps the model's own."""
    dropout_rate: float = 0.0
    """Dropout before the classifier."""

    def arguments(self) -> dict[str, Any]:
        """Arguments of the model's builder, `model_options` read as Python literals.

        Raises:
            ValueError: If an option is not `field=value`.
        """
        arguments: dict[str, Any] = {"dropout_rate": self.dropout_rate}
        if self.drop_path_rate is not None:  # not every family has it
            arguments["drop_path_rate"] = self.drop_path_rate
        arguments |= parse_options(self.model_options, "--model-options")
        return arguments


@dataclasses.dataclass(frozen=True)
class Augmentation(augmentation.Augmentation):
    """How training images are augmented; by default with shifts of up to 4 pixels."""

    padding: int = 4
    """Largest random shift in pixels, horizontally and vertically."""
    orientation: Literal["given", "tested"] = "given"
    """Flips and rotations as given, or tested first on the training images: no
    horizontal flip where mirrored images change their class, vertical flips and
    rotations where images have no up. Only for classification."""
    repeated_augmentation: int = 1
    """Copies of each image per batch; an epoch keeps its length, with fewer images."""
    augmenter: Literal["keras", "keras_cv"] = "keras"
    """Library that augments: this package, in the step; or keras_cv, before it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_counts(self, "repeated_augmentation")


@dataclasses.dataclass(frozen=True)
class Optimization:
    """Epochs, optimizer, regularization and precision."""

    epochs: int = 30
    """Passes over the training images; 0 for as many as fit in --minutes."""
    minutes: float | None = None
    """Minutes to train for. They replace --epochs; without either they are 15. With
    --folds or --refit all networks together take this long."""
    batch_size: int = 64
    """Images per step, of all devices together; 0 chooses by the number of images."""
    optimizer: Literal["adamw", "muon", "sgd", "schedule_free"] = "adamw"
    """AdamW; Muon for dense and convolution kernels, AdamW for the rest; SGD with
    Nesterov momentum of 0.9; or schedule-free AdamW, which averages the weights and
    keeps the learning rate after the warm-up, whatever --schedule says."""
    learning_rate: float | None = None
    """Peak learning rate, reached after the warm-up; None: 1e-3, or 1e-4 from
    pretrained weights."""
    final_learning_rate: float = 1e-5
    """Learning rate at the end of the run."""
    schedule: Literal["cosine", "linear", "wsd"] = "cosine"
    """Curve of the learning rate after the warm-up; wsd is constant up to 80 % of the
    run, then linear."""
    warmup_epochs: float | None = None
    """Epochs of linear warm-up; None: 3, or a quarter of a shorter run; with --minutes
    a tenth of the time."""
    weight_decay: float = 0.05
    """Decoupled weight decay of kernels; not of norms, biases, tokens and tables."""
    label_smoothing: float = 0.1
    """Share of the target that is spread over all classes."""
    class_balance: Literal["none", "weights", "sampling"] = "none"
    """Balance rare classes by weights in the loss, or by sampling their images more
    often."""
    gabor_loss: float = 0.0
    """Weight of an auxiliary loss, in which a stage of the network predicts the Gabor
    energy of the image; it falls to 0 over the run. For few images, e.g. 1."""
    train_size: int | None = None
    """Side of the images while training, in pixels; the model and its tests keep
    --image-size. A smaller side saves time and raises the accuracy (FixRes)."""
    progressive_resizing: bool = False
    """Train on images of half the size up to 40 % of the work, then of three quarters
    up to 75 %."""
    global_clipnorm: float | None = None
    """Largest norm of all gradients together; None does not clip."""
    gradient_accumulation_steps: Annotated[
        int, tyro.conf.arg(aliases=("--accumulation",))
    ] = 1
    """Steps whose gradients are averaged for one update of the weights."""
    ema_momentum: float | None = None
    """Momentum of the moving average of the weights, which is saved; e.g. 0.999."""
    seed: int = 0
    """Seed of the initial weights, the order of images, augmentation and dropout."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16", "auto"] = "float32"
    """Precision in which the layers compute; weights stay float32. auto takes
    mixed_bfloat16 where it is 10 % faster, by a speed trial."""
    jit_compile: Literal["auto", "on", "off"] = "auto"
    """XLA compilation; auto is Keras' rule: always on JAX, on TensorFlow on GPUs."""
    steps_per_execution: int = 1
    """Steps per call. TensorFlow compiles them as one loop, which hides the cost of a
    call on GPUs; JAX calls each, and PyTorch takes 1 only."""

    def __post_init__(self) -> None:
        _check_counts(self, "gradient_accumulation_steps", "steps_per_execution")
        _check_counts(self, "epochs", "batch_size", least=0)
        if self.train_size is not None:
            _check_counts(self, "train_size", least=8)
        if self.minutes is not None and self.minutes <= 0:
            raise ValueError(f"minutes must be above 0, not {self.minutes}.")
        if not self.budget and not 0 <= self.warmup < self.epochs:
            raise ValueError(
                f"warmup_epochs must lie in [0, {self.epochs}), the epochs, not "
                f"{self.warmup}: give --warmup-epochs, too."
            )
        if self.gabor_loss < 0:
            raise ValueError(f"gabor_loss must be 0 or more, not {self.gabor_loss}.")
        if self.ema_momentum is not None and not 0 < self.ema_momentum < 1:
            raise ValueError(
                f"ema_momentum must lie in (0, 1), not {self.ema_momentum}."
            )
        if self.ema_momentum is not None and self.optimizer == "schedule_free":
            raise ValueError(
                "--optimizer schedule_free averages the weights: leave out "
                "--ema-momentum."
            )

    @property
    def averages_weights(self) -> bool:
        """Whether averaged weights are evaluated and saved."""
        return self.ema_momentum is not None or self.optimizer == "schedule_free"

    @property
    def curve(self) -> str:
        """Curve of the learning rate after the warm-up."""
        return "constant" if self.optimizer == "schedule_free" else self.schedule

    @property
    def warmup(self) -> float:
        """Epochs of warm-up."""
        if self.warmup_epochs is None:
            return min(3.0, self.epochs / 4)
        return self.warmup_epochs

    @property
    def warmup_share(self) -> float:
        """Share of the run that is warm-up."""
        return 0.1 if self.budget else self.warmup / self.epochs

    def shared_minutes(self, networks: int) -> float | None:
        """Minutes for each of several networks, if epochs are not counted."""
        return self.budget / 60 / networks if self.budget else None

    @property
    def budget(self) -> float | None:
        """Seconds to train for, if epochs are not counted."""
        if self.minutes is not None or not self.epochs:
            return 60 * (self.minutes or DEFAULT_MINUTES)
        return None


@dataclasses.dataclass(frozen=True)
class FineTuning:
    """How a network with pretrained weights is fine-tuned."""

    earlier_run: Annotated[str | None, tyro.conf.arg(name="from")] = None
    """Folder of a run of a classifier, to which classes and images are added; its
    settings are the defaults, with a quarter of its time."""
    freeze: str = "none"
    """Layers that keep their weights: none; backbone, all but the classifier; or
    stages:N, up to the N-th feature map of models.features."""
    probe_epochs: int = 0
    """Epochs of a linear probe before fine-tuning: only the classifier is trained, on
    features that are computed once; 0 for no probe."""
    lora_rank: int = 0
    """Rank of LoRA: dense layers learn a change of this rank, and of the other layers
    only the classifier learns; 0 trains all weights."""
    layer_decay: float = 1.0
    """Learning rate of a stage as a share of the next one's, e.g. 0.7; 1 gives all
    stages the same."""

    def __post_init__(self) -> None:
        stage_count(self.freeze)  # or ValueError
        _check_counts(self, "probe_epochs", "lora_rank", least=0)
        if self.lora_rank and self.freeze != "none":
            raise ValueError("--lora-rank and --freeze exclude each other.")
        if not 0 < self.layer_decay <= 1:
            raise ValueError(f"layer_decay must lie in (0, 1], not {self.layer_decay}.")


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which weights of a run are kept, and how they predict."""

    keep_best: str = "auto"
    """Keep the epoch with the best validation metric of this name: accuracy,
    balanced_accuracy, macro_f1 or loss; of numbers mae, r2 or loss; of several classes
    per image pr_auc or loss. none keeps the last epoch; auto means balanced_accuracy
    for classes out of balance, mae for numbers, pr_auc for several classes per image,
    otherwise none."""
    patience: int | None = None
    """Early stopping: epochs without improvement to wait for; needs --keep-best."""
    refit: bool = False
    """Train again on all images, validation images included, for the best number of
    epochs; needs --keep-best."""
    calibrate: bool = False
    """Temperature scaling on the validation images, so that confidence matches
    accuracy."""
    temperature: float = 1.0
    """Divide the logits by this number."""
    reject: bool = True
    """Fit a rule that marks images unlike the training images as unknown, on the
    validation images of a classifier."""
    tta: Literal["none", "flip", "flip_shift", "d4"] = "none"
    """Test-time augmentation: average over mirror images; these and shifts; or all
    rotations by quarter turns and mirror images. Exported files have it built in."""

    def __post_init__(self) -> None:
        if not self.keeps_best and (self.patience is not None or self.refit):
            raise ValueError("--patience and --refit need --keep-best, a metric.")
        if self.patience is not None:
            _check_counts(self, "patience")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0, not {self.temperature}.")

    @property
    def keeps_best(self) -> bool:
        """Whether an epoch is chosen by a validation metric."""
        return self.keep_best not in ("auto", "none")


@dataclasses.dataclass(frozen=True)
class Runtime:
    """Where the run finds its images, and how it computes.

    A run is known by its images and by the other groups.
    """

    data_dir: str | None = None
    """Folder with the data; without it the dataset's own library finds it."""
    manifest: str | None = None
    """Table of the images of a folder, with the columns path (from --data-dir), label,
    group and split; a run writes manifest.csv. None: labels.csv in the folder."""
    corrections: str | None = None
    """Labels of a folder that a review moved or dropped: the corrections.csv that the
    page of keras-hybrid review saves. The images stay as they are."""
    corrupt: Literal["raise", "skip"] = "raise"
    """Whether image files that cannot be decoded are an error or left out."""
    workdir: str | None = None
    """Folder of the run; None means saved_models/NAME-MODEL, or NAME for auto."""
    overwrite: bool = False
    """Delete an earlier run from the workdir and start again."""
    export: tuple[str, ...] = ()
    """Formats to export after training: saved_model, litert, litert_float16,
    litert_dynamic, onnx, openvino, web, serving, triton, or a plugin's; int8 needs
    the command
    export."""
    backend: Literal["configured", "auto", "tensorflow", "jax", "torch"] = "configured"
    """Backend of Keras: the configured one; the fastest, by a speed trial of at most a
    minute; or one by name. If KERAS_BACKEND is set, it is kept."""
    devices: int | Literal["all"] = 1
    """Accelerators per process: a number, or all."""
    model_parallel: int = 1
    """Devices that share one copy of the model's weights; JAX only."""
    remat: bool = False
    """Recompute all but dense layers in the backward pass to save memory; JAX only."""
    cache_on_device: Literal["auto", "on", "off"] = "auto"
    """Keep the training images on the device; auto does so on GPUs if they fit."""
    dry_run: bool = False
    """Train nothing and leave nothing: try all that the run needs, its end included,
    and print images, memory, time and files."""
    find_lr: bool = False
    """Train nothing: a learning rate range test, whose curve goes to WORKDIR-find-lr;
    print the rate at which the loss falls fastest."""
    log_attention_images: int = 0
    """Images for which attention distances are logged every epoch; 0 for none."""

    def __post_init__(self) -> None:
        _check_counts(self, "model_parallel")
        if self.dry_run and self.find_lr:
            raise ValueError("--dry-run and --find-lr exclude each other.")
        if self.devices != "all" and self.devices < 1:
            raise ValueError(f"devices must be 1 or more or all, not {self.devices}.")
