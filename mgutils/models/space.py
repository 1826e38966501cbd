"""One space for several modalities: an encoder and a projection each, and vectors of classes and captions.

Which modalities are pulled together, and by which loss, is in ``training``; nothing here knows about it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from numpy import ndarray
from torch import Tensor, nn

from mgutils.config.derived import Derived, TextVectors
from mgutils.config.space import MaskedConfig, SpaceConfig
from mgutils.errors import ConfigError
from mgutils.losses.reconstruction import Block
from mgutils.models.arrays import ArrayEncoder
from mgutils.models.clip import LOWEST_TEMPERATURE
from mgutils.models.masked import MaskedVideo
from mgutils.models.skeleton import CoordinateTransformer
from mgutils.models.standard import MeanEncoder, Standardised, VectorEncoder
from mgutils.models.video import FrameEncoder, PatchEncoder

ENCODERS = {"frames": FrameEncoder, "patches": PatchEncoder, "masked": MaskedVideo, "joints": CoordinateTransformer,
            "array": ArrayEncoder, "mean": MeanEncoder, "vector": VectorEncoder}
"""Networks by the ``kind`` of :attr:`mgutils.config.SpaceConfig.encoders`."""
CAMERAS = ("frames", "patches", "masked")
"""Those that are told which camera they read."""
KINDS = {"rgb": "frames", "depth": "frames", "infrared": "frames", "joints": "joints", "truth": "joints"}
"""What a modality of the studio is read with if nothing is said; any other is an ``array``."""
BIAS = -10.0
"""Where SigLIP's bias starts."""


class Space(nn.Module):
    """Modality -> encoder -> linear projection -> one space.

    Shape: inputs, modality to (B, T, ...) -> (B, M, D), in the order of the encoders.

    Parameters
    ----------
    encoders : mapping
        Modality to a network with an attribute ``width``.
    width : int
        D.
    frozen : collection of str
        Modalities whose encoder and projection keep their weights, and never leave the state of a test: neither
        dropout nor a batch's statistics reach the anchor.
    classes : int
        Learned vectors of so many classes; 0 for none.
    captions : array (C, W), optional
        Fixed vectors of the classes' texts, which get a learned projection.
    """

    def __init__(self, encoders: Mapping[str, nn.Module], width: int, frozen: Collection[str] = (), classes: int = 0,
                 captions: ndarray | None = None) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.projections = nn.ModuleDict({name: nn.Linear(part.width, width) for name, part in encoders.items()})
        self.frozen = tuple(frozen)
        for name in self.frozen:
            self.encoders[name].requires_grad_(False).eval()
            self.projections[name].requires_grad_(False)
        self.class_vectors = nn.Parameter(torch.randn(classes, width) / width**0.5) if classes else None
        self.caption_projection = None
        if captions is not None:
            self.register_buffer("caption_words", torch.from_numpy(captions), persistent=False)
            self.caption_projection = nn.Linear(captions.shape[1], width)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([self.embed(name, inputs[name]) for name in self.encoders], dim=1)

    def embed(self, name: str, clips: Tensor) -> Tensor:
        """One modality of some clips: (B, T, ...) -> (B, D)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and name not in self.frozen):
            return self.projections[name](self.encoders[name](clips))

    def table(self, name: str) -> Tensor:
        """The vectors (C, D) of ``class`` or ``caption``."""
        return self.class_vectors if name == "class" else self.caption_projection(self.caption_words)

    def train(self, mode: bool = True) -> Space:
        """The state of training, but for what is frozen."""
        super().train(mode)
        for name in self.frozen:
            self.encoders[name].eval()
        return self

    @torch.no_grad()
    def centre(self, name: str, clips: Tensor) -> None:
        """Move a projection so that the mean of some clips' embeddings is 0, and their mean square 1.

        An encoder from random weights answers nearly the same to every clip: all cosines are near 1, and no loss could
        tell its clips apart. Centred, it is the strongest anchor that has learned nothing.
        """
        found = self.embed(name, clips)
        scale = (found - found.mean(dim=0)).square().mean().sqrt().clamp(min=1e-6)
        projection = self.projections[name]
        projection.bias.sub_(found.mean(dim=0)).div_(scale)
        projection.weight.div_(scale)


class PairScales(nn.Module):
    """What is learned of the losses: a temperature for each pair that learns one, and SigLIP's bias."""

    def __init__(self, settings: SpaceConfig) -> None:
        super().__init__()
        # a squared error reads no temperature, and a parameter without a gradient stops several ranks
        learned = [pair for pair in settings.pairs
                   if pair.loss == "siglip" or (settings.learn_temperature and pair.loss != "mse")]
        self.log_temperature = nn.ParameterDict(
            {pair.name: nn.Parameter(torch.tensor(pair.temperature).log()) for pair in learned})
        self.bias = nn.ParameterDict(
            {pair.name: nn.Parameter(torch.tensor(BIAS)) for pair in learned if pair.loss == "siglip"})

    def forward(self) -> dict[str, dict[str, Tensor]]:
        """Name of a pair to ``temperature`` and ``bias``, as :func:`mgutils.losses.alignment.pair_losses` has them."""
        found = {name: {"temperature": value.exp()} for name, value in self.log_temperature.items()}
        for name, value in self.bias.items():
            found[name]["bias"] = value
        return found

    @torch.no_grad()
    def limit(self) -> None:
        """Keep each temperature at :data:`mgutils.models.clip.LOWEST_TEMPERATURE` or more."""
        for value in self.log_temperature.values():
            value.clamp_(min=math.log(LOWEST_TEMPERATURE))


def build_space(settings: SpaceConfig, classes: int, captions: ndarray | None = None,
                widths: Mapping[str, int] | None = None) -> Space:
    """The networks of a configuration, from random weights.

    Parameters
    ----------
    settings : SpaceConfig
    classes : int
    captions : array (C, W), optional
        See :class:`Space`.
    widths : mapping, optional
        How many numbers a frozen encoder makes of a frame or a sentence, for each modality that is made by one.

    Raises
    ------
    ConfigError
        If a network is unknown, or does not take what it is given.
    """
    made = {entry.name: entry for entry in settings.derived}
    encoders = {name: build_encoder(name, settings.encoders.get(name, {}), settings.frames, made.get(name),
                                    (widths or {}).get(name))
                for name in settings.modalities}
    space = Space(encoders, settings.width, settings.frozen, classes if "class" in settings.tables else 0, captions)
    space.scales = PairScales(settings)
    return space


def build_encoder(name: str, settings: Mapping[str, Any], frames: int, made: Derived | None = None,
                  features: int | None = None) -> nn.Module:
    """The network that reads a modality; one that is ``made`` has so many ``features`` a frame, brought to one size.

    Raises
    ------
    ConfigError
        If its kind is unknown, it does not take what it is given, or a part of torch has the modality's name.
    """
    if hasattr(nn.ModuleDict(), name):
        raise ConfigError(f"encoders: found the modality {name!r}, a name that torch needs; wanted another one. Rename "
                          "its file.")
    settings = dict(settings)
    source = getattr(made, "of", name) if features is None else ""  # what is read as it is, is read as its source
    kind = settings.pop("kind", "vector" if isinstance(made, TextVectors) else KINDS.get(source, "array"))
    if kind not in ENCODERS:
        raise ConfigError(f"encoders, {name}: found the kind {kind!r}; wanted one of {', '.join(ENCODERS)}.")
    first: Sequence[Any] = (settings.pop("camera", source or name),) if kind in CAMERAS else ()
    length = {} if kind in ("mean", "vector") else {"frames": frames}
    shape = {} if features is None else {"shape": [features]}
    encoder = _build(f"encoders, {name}", ENCODERS[kind], *first, **length | settings | shape)
    if features is not None:
        return Standardised(features, encoder)
    if kind == "masked":
        for part, weight in encoder.named_parameters():
            # nothing is guessed here, so what guesses gets no gradient
            weight.requires_grad_(part.startswith("network.videomae"))
    return encoder


def build_masked(settings: MaskedConfig) -> MaskedVideo:
    """The masked autoencoder of a configuration, from random weights.

    Raises
    ------
    ConfigError
        If it does not take what it is given, or patches do not fill a clip.
    """
    return _build("network_kwargs", MaskedVideo, settings.camera, settings.frames, **settings.network_kwargs)


def _build(setting: str, network: type[nn.Module], /, *first: Any, **kwargs: Any) -> nn.Module:
    """A network from what a file says of it; what it does not take is named."""
    found = dict(kwargs)
    try:
        if "block" in kwargs:
            kwargs["block"] = Block(*kwargs["block"])  # in a file two numbers, frames and side
        return network(*first, **kwargs)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise ConfigError(f"{setting}: found {found}; wanted what {network.__name__} takes ({error}).") from None
