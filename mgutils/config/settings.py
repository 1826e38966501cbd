"""What decides the outcome of a run, as frozen dataclasses: loss, model, training, protocol.

The limits of a number stand at its field. Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any, Literal

from mgutils.config.skeleton import SkeletonConfig
from mgutils.config.space import FusionConfig, MaskedConfig, SpaceConfig
from mgutils.errors import ConfigError
from mgutils.limits import Count, Limits, Natural, NotNegative, Positive, Settings

LossName = Literal["original_ce", "original_kl", "identity_ce", "multi_positive_ce", "js", "class_ce"]
CaptionKind = Literal["own", "permuted", "descriptions"]
SplitName = Literal["frame", "clip", "video", "subject", "official"]
CourseProfileName = Literal["smoke", "cpu", "gpu", "imigue"]
ProfileName = Literal[CourseProfileName, "photos", "miga"]
ObjectiveName = Literal["report_ce", "report_js", "sound_ce", "sound_js"]
TaskName = Literal["image-text", "classification", "skeleton", "alignment", "fusion", "masked"]
NetworkName = Literal["resnet", "alexnet"]
NO_TEXT = "none"  # the text encoder of a plain classifier

WRITTEN = {"original_ce": "seed_ce", "original_kl": "seed_kl"}
"""Names of losses as files have them: a run's folder is named after a hash of its settings, and so keeps its name."""
RETIRED = {"sampling": "plain", "ema": 0.0}
"""Training settings of earlier versions, at the value that every run has now. They are still written, too."""
ADDED = {"train": ("early_stop", "warmup", "freeze", "copies", "optimizer", "validate_every"),
         "loss": ("logit_adjustment",), "model": ("derived",)}
"""Settings that earlier versions lacked, by their part: written only where a run has another value than the default."""


@dataclass(frozen=True)
class Objective(Settings):
    """What a run minimises: a loss and how its logits are made."""

    loss: LossName
    normalize: bool  # L2-normalise both embeddings before the dot product
    temperature: Positive
    learn_temperature: bool = False
    logit_adjustment: NotNegative = 0.0
    """Add so many times the logarithm of a class's share of the training images to its logits while training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.logit_adjustment and self.loss in WRITTEN:
            raise ConfigError(f"logit_adjustment: found {self.logit_adjustment} with the report's {self.loss}, whose "
                              "targets are not classes; wanted 0, or another loss.")


OBJECTIVES: dict[str, Objective] = {
    "report_ce": Objective("original_ce", normalize=False, temperature=0.05),
    "report_js": Objective("original_kl", normalize=False, temperature=0.05),
    "sound_ce": Objective("identity_ce", normalize=True, temperature=0.07),
    "sound_js": Objective("js", normalize=True, temperature=0.07),
}
"""The report's two rows, as its code has them, and the two sound controls."""
REPORT_OBJECTIVES = ("report_ce", "report_js")


@dataclass(frozen=True)
class ModelConfig(Settings):
    """The two encoders and the two projection heads."""

    image_encoder: str = "resnet50"  # Any timm name; ``alexnet`` in a classifier that reads no text.
    image_kwargs: dict[str, Any] = field(default_factory=dict)
    """Passed on to ``timm.create_model``, or to :class:`mgutils.models.classifier.AlexNet`."""
    text_encoder: str = "distilbert-base-uncased"
    """A name on the hub, ``scratch`` for a small DistilBERT with a tokenizer trained on our captions, or ``none``."""
    text_kwargs: dict[str, Any] = field(default_factory=dict)
    """Passed on to ``DistilBertConfig`` where the encoder starts from scratch."""
    pretrained: bool | Literal["text"] = True  # ``text``: the text encoder alone has its weights.
    projection: Count = 256
    dropout: Annotated[float, Limits("at least 0 and less than 1", lambda value: 0 <= value < 1)] = 0.1


@dataclass(frozen=True)
class TrainConfig(Settings):
    """How long, how fast and with what."""

    epochs: Count = 250
    batch_size: Annotated[int, Limits("at least 2 images", lambda value: value >= 2)] = 32
    """Images of one step, of all processes together: the mathematics do not depend on how many there are."""
    lr_image: NotNegative = 1e-4
    lr_text: NotNegative = 1e-5
    lr_head: NotNegative = 1e-3
    weight_decay_head: NotNegative = 1e-3
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """``sgd``: with a momentum of 0.9, as the second original has it."""
    schedule: Literal["plateau", "cosine"] = "plateau"
    """``plateau``: the report's ReduceLROnPlateau on the validation loss; ``cosine``: to zero over the run."""
    plateau_patience: Natural = 10
    plateau_factor: Annotated[float, Limits("more than 0 and less than 1", lambda value: 0 < value < 1)] = 0.8
    plateau_every: Literal["epoch", "batch"] = "epoch"
    """``epoch`` as the original's code does; ``batch`` as the report's text says."""
    warmup: NotNegative = 0.0
    """Epochs in which the rates rise from zero, before the cosine; none with ``plateau``."""
    freeze: Literal["none", "text", "image", "both"] = "none"
    """Encoders that keep the weights they came with. Each caption, and each image, is then encoded once."""
    copies: Natural = 8
    """Augmented copies of an image that a frozen image encoder encodes, beside the image itself."""
    augment: Literal["none", "affine", "photo"] = "none"
    """``affine``: small turns, shifts and zooms. ``photo``: larger ones, and light and colour. Never a flip: left and
    right hands differ."""
    select: Literal["valid", "held_out", "last"] = "valid"
    """Where the best epoch is looked for: on the reported rows, as the report did, or on part of the training rows.
    ``last``: nowhere, the last epoch it is, which a cosine ends in, and all training rows are learned from."""
    early_stop: Natural = 0
    """End when the score to choose the best epoch on has not risen for so many epochs; 0: never."""
    validate_every: Count = 1
    """Epochs from one validation to the next, and after the last epoch; more than 1 where no score decides anything."""
    image_size: Annotated[int, Limits("at least 8 pixels", lambda value: value >= 8)] = 224
    captions_once: bool = True
    """Encode each caption of a batch once; else once for each image with its own dropout mask, as the original."""
    micro_batch: Annotated[int, Limits("0, or at least 4 images", lambda value: value == 0 or value >= 4)] = 0
    """Images in memory with their graph at once, 4 or more; 0: all. Costs a second forward pass; the gradient is that
    of the batch, but for batch normalisation, whose mean and variance are then of each part."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"  # ``auto``: half precision on a GPU.
    compile: bool = False  # Have torch compile the model: a minute to start, then faster on a GPU.
    threads: Natural = 0
    """Threads of torch; 0 leaves torch's own choice. A fixed number gives equal bits on one machine, not on others."""

    def __post_init__(self) -> None:
        super().__post_init__()
        reads_loss = self.schedule == "plateau" and self.plateau_every == "epoch"
        if self.validate_every > 1 and (self.select != "last" or self.early_stop or reads_loss):
            raise ConfigError(
                f"validate_every: found {self.validate_every} beside select {self.select!r}, early_stop "
                f"{self.early_stop} and schedule {self.schedule!r}; wanted 1, as a score of every epoch is needed, or "
                "select 'last', early_stop 0 and schedule 'cosine'.")


@dataclass(frozen=True)
class Protocol(Settings):
    """Which part of a split is reported, and how much of the rest is learned from.

    As it stands, about a fifth of the rows is reported, drawn once, and all the rest is learned from.
    """

    folds: Annotated[int, Limits("0, or at least 2", lambda value: value == 0 or value >= 2)] = 0
    """Share the rows out into so many folds, groups whole; 0: a single split."""
    fold: Natural = 0
    """Report this fold, 1 to the number of folds, and train on the others."""
    hold_out: str = ""
    """Report one group by its own name, such as a subject, and train on the others."""
    limit: Natural = 0
    """Learn from so many training rows, drawn at random; 0: all."""
    per_class: Natural = 0
    """Learn from at most so many training rows of each class, drawn at random; 0: all."""
    split_seed: Annotated[int, Limits("0 to 4,294,967,295", lambda value: 0 <= value < 2**32)] = 42
    """Of the draws of rows."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hold_out and self.folds:
            raise ConfigError(f"folds, hold_out: found {self.folds} and {self.hold_out!r}; wanted one of the two.")
        if not bool(self.folds) <= self.fold <= self.folds:
            wanted = f"1 to {self.folds}" if self.folds else "0, or a number of folds beside it"
            raise ConfigError(f"fold: found {self.fold}; wanted {wanted}.")


_TASKS: dict[type, TaskName] = {SkeletonConfig: "skeleton", SpaceConfig: "alignment", FusionConfig: "fusion",
                                MaskedConfig: "masked"}


@dataclass(frozen=True)
class RunConfig(Settings):
    """All that decides the outcome of one training run, but for the data."""

    objective: str  # a name in OBJECTIVES, kept for tables
    loss: Objective
    model: ModelConfig | SkeletonConfig | SpaceConfig | FusionConfig | MaskedConfig
    train: TrainConfig
    split: SplitName = "frame"
    seed: Annotated[int, Limits("0 to 4,294,967,295", lambda value: 0 <= value < 2**32)] = 0
    captions: CaptionKind = "own"
    """Texts of the classes: their names, the names dealt out to other classes, or one sentence each."""
    left_out: tuple[int, ...] = ()  # ids of classes without training images
    protocol: Protocol = Protocol()
    """Which part of the split is reported."""
    init: str = ""
    """SHA-256 of the weights to start from, those of another run; "" for none."""
    init_from: str = field(default="", compare=False)
    """Where that run lies; not written, as a run does not depend on it."""

    @property
    def reads_text(self) -> bool:
        """False for a plain classifier, and for clips."""
        return isinstance(self.model, ModelConfig) and self.model.text_encoder != NO_TEXT

    @property
    def task(self) -> TaskName:
        """What is trained."""
        if isinstance(self.model, ModelConfig):
            return "image-text" if self.reads_text else "classification"
        return _TASKS[type(self.model)]

    def as_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON; what earlier versions lacked only where a run has it."""
        plain = asdict(self)
        for part, names in ADDED.items():
            default = {entry.name: entry.default for entry in fields(getattr(self, part))}
            plain[part] = {name: value for name, value in plain[part].items()
                           if name not in names or value != default[name]}
        plain["train"] |= RETIRED
        plain["loss"]["loss"] = WRITTEN.get(self.loss.loss, self.loss.loss)
        captions = plain.pop("captions")
        if captions != "own":
            plain["caption_kind"] = captions
        del plain["init_from"]
        if not self.init:
            del plain["init"]
        left_out = plain.pop("left_out")
        if left_out:
            plain["left_out"] = list(left_out)
        protocol = plain.pop("protocol")
        changed = {name: value for name, value in protocol.items() if value != getattr(Protocol, name)}
        if changed:
            plain["protocol"] = changed
        return plain
