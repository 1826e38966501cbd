"""The profiles, which set the size, and the runs that they describe.

``smoke`` takes seconds and is for tests, ``cpu`` is for two cores without a network, ``gpu`` is synthetic data at
224 px with ResNet-50 and DistilBERT, ``imigue`` the report's own settings on the real images, ``photos`` is for one's
own. An objective is the one switch of the loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mgutils.config.settings import (
    NO_TEXT,
    OBJECTIVES,
    REPORT_OBJECTIVES,
    ModelConfig,
    NetworkName,
    Objective,
    ProfileName,
    Protocol,
    RunConfig,
    SplitName,
    TrainConfig,
)
from mgutils.config.skeleton import SkeletonConfig
from mgutils.config.space import FusionConfig, MaskedConfig, SpaceConfig
from mgutils.config.studio import ClipConfig, SynthConfig
from mgutils.errors import ConfigError


@dataclass(frozen=True)
class Profile:
    """A size: the data to make, the model to build, the training to do."""

    name: ProfileName
    synth: SynthConfig | None  # None: the profile needs real data
    model: ModelConfig
    train: TrainConfig
    seeds: int  # behind every number in a table
    note: str  # what it is for and what it takes, in one line
    memory: float  # GiB for a notebook and two training processes; estimated for gpu and imigue
    disk: float  # GiB for data and results; likewise
    report_epochs: int | None = None
    """Epochs of the report's two objectives, whose loss starts far above a blind guess's; ``None``: the profile's."""


_SMALL_IMAGE = {"layers": [1, 1, 1, 1], "channels": [16, 32, 64, 128], "stem_type": "deep", "stem_width": 4}
_SMALL_TEXT = {"dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 128, "max_position_embeddings": 64,
               "initializer_range": 0.1}  # captions start apart (mean cosine 0.93), as a pretrained encoder has them
_SMALL_MODEL = ModelConfig(image_encoder="resnet18", image_kwargs=_SMALL_IMAGE, text_encoder="scratch",
                           text_kwargs=_SMALL_TEXT, pretrained=False)
_SMALL_ALEXNET = {"pool": 1, "hidden": 512}
_FROM_SCRATCH = {"lr_image": 1e-3, "lr_text": 1e-4, "lr_head": 1e-3, "threads": 1}  # encoders: ten times the report's

PROFILES: dict[str, Profile] = {
    "smoke": Profile(
        "smoke", SynthConfig(frames=320, size=48), _SMALL_MODEL,
        TrainConfig(epochs=2, image_size=32, **_FROM_SCRATCH), seeds=2,
        note="seconds; proves that everything runs, its numbers mean nothing", memory=1.5, disk=1.1),
    "cpu": Profile(
        "cpu", SynthConfig(frames=4800, size=64), _SMALL_MODEL,
        TrainConfig(epochs=12, image_size=48, **_FROM_SCRATCH), seeds=3,
        note="synthetic data, two cores, no network", memory=3.5, disk=2.3,
        report_epochs=48),
    "photos": Profile(
        "photos", None, ModelConfig(
            image_encoder="tf_efficientnet_lite0", text_encoder="sentence-transformers/all-MiniLM-L6-v2"),
        TrainConfig(epochs=8, image_size=160, schedule="cosine", warmup=1, augment="photo", freeze="text",
                    select="last", lr_image=5e-4, lr_text=0.0, lr_head=1e-3), seeds=3,
        note="your own photographs, pretrained encoders out of two packages, two cores", memory=3.5, disk=2.0),
    "gpu": Profile(
        "gpu", SynthConfig(frames=20000, size=224), ModelConfig(), TrainConfig(epochs=20), seeds=3,
        note="synthetic data at 224 px, ResNet-50 and DistilBERT from the hub", memory=12.0, disk=60.0),
    "imigue": Profile(
        "imigue", None, ModelConfig(), TrainConfig(), seeds=1,
        note="the report's own settings on the real images (licence needed)", memory=12.0, disk=10.0),
}


@dataclass(frozen=True)
class SkeletonProfile:
    """A size of the skeleton system: the clips to make, the network, the training."""

    name: str
    clips: ClipConfig | None  # None: the profile needs real skeletons
    model: SkeletonConfig
    train: TrainConfig
    limit: int  # training clips that a run of the course learns from; 0: all
    seeds: int
    note: str


_POSECONV3D = SkeletonConfig("poseconv3d", frames=48, words="words", flip="pairs")
"""The original's network and its loss; its width and depth are the defaults of its class."""
POSECONV3D_LITE = SkeletonConfig("poseconv3d", {"base": 8, "blocks": [1, 1, 1], "size": 24})
"""A twentieth of the original's width and depth, for two cores."""
_COSINE = {"schedule": "cosine", "select": "last", "image_size": 56}

SKELETON_PROFILES: dict[str, SkeletonProfile] = {
    "smoke": SkeletonProfile(
        "smoke", ClipConfig(frames=400, imbalance=0.6), SkeletonConfig(),
        TrainConfig(epochs=2, lr_image=1e-3, weight_decay_head=0.01, threads=1, **_COSINE), limit=0, seeds=2,
        note="seconds; proves that everything runs, its numbers mean nothing"),
    "cpu": SkeletonProfile(
        "cpu", ClipConfig(frames=12000, imbalance=0.6), SkeletonConfig(),
        TrainConfig(epochs=20, lr_image=3e-3, lr_head=3e-3, weight_decay_head=0.01, threads=1, validate_every=5,
                    **_COSINE), limit=500, seeds=5,
        note="synthetic clips, a transformer over coordinates, seconds a run"),
    "gpu": SkeletonProfile(
        "gpu", ClipConfig(frames=40000, imbalance=0.6), _POSECONV3D,
        TrainConfig(epochs=24, lr_image=1e-3, weight_decay_head=0.01, augment="affine", **_COSINE), limit=0, seeds=3,
        note="synthetic clips, the original's network"),
    "miga": SkeletonProfile(
        "miga", None, replace(_POSECONV3D, views=10, flip_views=True),
        TrainConfig(epochs=100, optimizer="sgd", lr_image=0.0667, lr_head=0.0667, weight_decay_head=3e-4,
                    schedule="cosine", augment="affine", select="held_out", image_size=56), limit=0, seeds=1,
        note="the second original's own settings, on the challenge's skeletons (licence needed)"),
}


@dataclass(frozen=True)
class SpaceProfile:
    """A size of the system of four cameras: the clips to make, the networks, the training."""

    name: str
    clips: ClipConfig
    encoders: dict[str, dict[str, Any]]
    """What is passed on to the network of each modality."""
    masked: dict[str, Any]
    """Passed on to the masked autoencoder."""
    train: TrainConfig
    seeds: int
    note: str


_CAMERAS = {"rgb": True, "depth": True, "infrared": True}
_SMALL_FRAMES = {"kwargs": _SMALL_IMAGE | {"channels": [8, 16, 32, 64]}, "width": 64, "look": 32}
_SMALL_SPACE = {"rgb": _SMALL_FRAMES, "depth": _SMALL_FRAMES, "infrared": _SMALL_FRAMES, "joints": {"width": 64}}

SPACE_PROFILES: dict[str, SpaceProfile] = {
    "smoke": SpaceProfile(
        "smoke", ClipConfig(frames=240, imbalance=0.6, size=24, rate=4.0, longest=8, absent=0.1, **_CAMERAS),
        _SMALL_SPACE, {"width": 32, "layers": 2, "decoder_width": 32, "decoder_layers": 1, "block": [2, 8], "size": 24},
        TrainConfig(epochs=2, lr_image=1e-3, weight_decay_head=0.01, threads=1, **_COSINE), seeds=2,
        note="seconds; proves that everything runs, its numbers mean nothing"),
    "cpu": SpaceProfile(
        "cpu", ClipConfig(frames=4000, imbalance=0.6, size=48, rate=4.0, longest=8, **_CAMERAS),
        _SMALL_SPACE, {"width": 96, "layers": 4, "decoder_width": 48, "decoder_layers": 2},
        TrainConfig(epochs=10, lr_image=2e-3, lr_head=2e-3, weight_decay_head=0.01, threads=1, augment="affine",
                    validate_every=10, **_COSINE), seeds=3,
        note="synthetic clips of eight frames at 48 px, small networks, two cores"),
    "gpu": SpaceProfile(
        "gpu", ClipConfig(frames=20000, imbalance=0.6, size=112, rate=8.0, longest=16, **_CAMERAS),
        {name: {"network": "resnet18", "width": 256} for name in _CAMERAS} | {"joints": {"width": 128}},
        {"width": 384, "layers": 12, "heads": 6, "decoder_width": 192, "decoder_layers": 4, "block": [2, 16],
         "size": 112},
        TrainConfig(epochs=30, batch_size=64, lr_image=1e-3, lr_head=1e-3, weight_decay_head=0.01, augment="affine",
                    **_COSINE), seeds=3,
        note="synthetic clips of eight frames at 112 px"),
}


def get_profile(profile: str | Profile) -> Profile:
    """The profile of that name, or the one given; :class:`ConfigError` if there is none."""
    return profile if isinstance(profile, Profile) else _look_up("profile", profile, PROFILES)


def get_skeleton_profile(profile: str | SkeletonProfile) -> SkeletonProfile:
    """The profile of that name, or the one given; :class:`ConfigError` if there is none."""
    known = isinstance(profile, SkeletonProfile)
    return profile if known else _look_up("profile", profile, SKELETON_PROFILES)


def get_space_profile(profile: str | SpaceProfile) -> SpaceProfile:
    """The profile of that name, or the one given; :class:`ConfigError` if there is none."""
    return profile if isinstance(profile, SpaceProfile) else _look_up("profile", profile, SPACE_PROFILES)


def get_objective(name: str) -> Objective:
    """The objective of that name; :class:`ConfigError` if there is none."""
    return _look_up("objective", name, OBJECTIVES)


def _look_up(kind: str, name: str, entries: dict[str, Any]) -> Any:
    if name not in entries:
        raise ConfigError(f"{kind}: found {name!r}; wanted one of {', '.join(entries)}.")
    return entries[name]


def run_config(profile: str | Profile, objective: str, split: SplitName = "frame", seed: int = 0,
               **train: Any) -> RunConfig:
    """The run of a profile with an objective, a split and a seed; further words change its :class:`TrainConfig`."""
    profile = get_profile(profile)
    if objective in REPORT_OBJECTIVES and profile.report_epochs is not None:
        train = {"epochs": profile.report_epochs} | train
    return RunConfig(objective, get_objective(objective), profile.model, replace(profile.train, **train), split, seed)


def skeleton_config(profile: str | SkeletonProfile, split: SplitName = "official", seed: int = 0,
                    **model: Any) -> RunConfig:
    """The profile's run on skeletons; further words change its :class:`SkeletonConfig`."""
    profile = get_skeleton_profile(profile)
    model = replace(profile.model, **model)
    return RunConfig(f"{model.network}_{model.stream}", Objective("class_ce", normalize=False, temperature=1.0), model,
                     profile.train, split, seed, protocol=Protocol(limit=profile.limit))


def space_config(profile: str | SpaceProfile, model: SpaceConfig | FusionConfig | MaskedConfig, name: str,
                 split: SplitName = "official", seed: int = 0, **train: Any) -> RunConfig:
    """The profile's run with a model of the third system; the networks of a space are the profile's where none is said.

    Further words change the :class:`TrainConfig`.
    """
    profile = get_space_profile(profile)
    if isinstance(model, SpaceConfig):
        known = {key: profile.encoders[key] for key in model.modalities if key in profile.encoders}
        model = replace(model, encoders=known | model.encoders)
    elif isinstance(model, MaskedConfig):
        model = replace(model, network_kwargs=profile.masked | model.network_kwargs)
    return RunConfig(name, Objective("class_ce", normalize=False, temperature=1.0), model,
                     replace(profile.train, **train), split, seed)


def lasting(profile: SpaceProfile, epochs: int) -> dict[str, int]:
    """So many epochs, of which only the last is scored; in a profile of a few epochs, as few."""
    epochs = epochs if profile.train.epochs > 2 else profile.train.epochs
    return {"epochs": epochs, "validate_every": epochs}


def vision_config(profile: str | Profile, network: NetworkName, split: SplitName = "frame",
                  seed: int = 0, **train: Any) -> RunConfig:
    """The profile's run of a plain classifier: its own image encoder (``resnet``), or torchvision's ``alexnet``."""
    profile = get_profile(profile)
    model = replace(profile.model, text_encoder=NO_TEXT, text_kwargs={})
    if network == "alexnet":
        model = replace(model, image_encoder=network, image_kwargs={} if model.pretrained else _SMALL_ALEXNET)
    return RunConfig(f"vision_{network}", Objective("class_ce", normalize=False, temperature=1.0), model,
                     replace(profile.train, **train), split, seed)
