"""A network for a modality that nobody foresaw: any array with a row for each frame of a clip.

Pictures are looked at by an image network, all else by a linear layer that also sees how each number has changed since
the frame before. Over the frames runs the transformer that the cameras of :mod:`mgutils.models.video` have, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgutils.config.space import is_picture
from mgutils.errors import ConfigError
from mgutils.models.pretrained import image_network


class FrameTransformer(nn.Module):
    """A transformer over what was found in each frame: (B, T, F), shown (B, T) -> (B, ``width``).

    The answer is the state of a learned first token. A frame that is not shown is not attended to.

    Parameters
    ----------
    features : int
        F.
    width : int
        Of the tokens and of the answer.
    layers, heads : int
        Of the transformer; its hidden layers are twice as wide as the tokens.
    frames : int
        The longest clip: each frame has a learned position.
    dropout : float

    Raises
    ------
    ConfigError
        If a clip has more frames than there are positions.
    """

    def __init__(self, features: int, width: int, layers: int, heads: int, frames: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.embed = nn.Linear(features, width)
        self.first = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(frames, width))
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)

    def forward(self, features: Tensor, shown: Tensor) -> Tensor:
        check_length(features, len(self.positions))
        tokens = self.embed(features) + self.positions[: features.shape[1]]  # (B, T, width)

        # the first token is always there, so that a clip without frames attends to something
        first = self.first.expand(len(tokens), 1, self.width)
        ignored = F.pad(~shown, (1, 0), value=False)  # (B, 1 + T)
        tokens = self.encoder(torch.cat([first, tokens], dim=1), src_key_padding_mask=ignored)
        return tokens[:, 0]


def check_length(frames: Tensor, positions: int) -> None:
    """Refuse clips (B, T, ...) that are longer than a network has positions."""
    if frames.shape[1] > positions:
        raise ConfigError(
            f"clips: found {frames.shape[1]} frames; wanted at most {positions}. "
            "Sample fewer frames, or build the network with more.")


def look_at(network: nn.Module, pictures: Tensor, shown: Tensor) -> Tensor:
    """Features of each frame that is there, 0 elsewhere: (B, T, C, S, S) -> (B, T, features).

    An empty picture would count in the mean and the variance of batch normalisation, so it is
    not looked at. A batch of nothing else is, or the weights would have no gradient.
    """
    if not shown.any():
        shown = torch.ones_like(shown)
    found = network(pictures[shown])  # (frames that are there, features)
    features = found.new_zeros(*shown.shape, found.shape[1])
    features[shown] = found
    return features


class ArrayEncoder(nn.Module):
    """Reads any array: (B, T, ``*shape``) -> (B, ``width``). A frame of zeros counts as missing.

    Parameters
    ----------
    shape : sequence of int
        Of one frame; :func:`mgutils.config.space.is_picture` says which is a picture.
    mean, deviation : float or sequence of float
        Of the numbers, which are brought to 0 and 1; or of those at each place of the last axis.
    network, kwargs
        Of the image network, as timm names it.
    width, layers, heads, frames, dropout
        See :class:`FrameTransformer`.
    look : int, optional
        Longest side of pictures: larger ones are reduced before the network sees them.

    Raises
    ------
    ConfigError
        If the shape has no numbers, the deviation is not above 0, the network is unknown, or clips have another shape
        or too many frames.
    """

    def __init__(self, shape: Sequence[int], mean: float | Sequence[float] = 0.0,
                 deviation: float | Sequence[float] = 1.0, width: int = 64,
                 network: str = "resnet18", kwargs: dict[str, Any] | None = None, layers: int = 2, heads: int = 4,
                 frames: int = 8, dropout: float = 0.1, look: int | None = None) -> None:
        super().__init__()
        if not math.prod(shape):
            raise ConfigError(f"shape: found {tuple(shape)}; wanted that of a frame with numbers.")
        if not torch.tensor(deviation).min() > 0:
            raise ConfigError(f"deviation: found {deviation}; wanted more than 0: numbers are divided by it.")
        for name, numbers in (("mean", mean), ("deviation", deviation)):
            count = torch.tensor(numbers).numel()
            if count not in (1, *shape[-1:]):
                raise ConfigError(f"{name}: found {count} numbers for frames of shape {tuple(shape)}; wanted one, or "
                                  "one for each place of the last axis.")
        self.shape = tuple(shape)
        self.look = look
        self.width = width
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation, dtype=torch.float32), persistent=False)
        self.network = None
        features = 2 * math.prod(shape)
        if is_picture(shape):
            if not timm.is_model(network):
                raise ConfigError(f"network: found {network!r}; wanted a name that timm knows (timm.list_models()).")
            channels = shape[2] if len(shape) == 3 else 1
            self.network = image_network(network, False, {"in_chans": channels} | (kwargs or {}))
            features = self.network.num_features
        self.over_time = FrameTransformer(features, width, layers, heads, frames, dropout)

    def forward(self, frames: Tensor) -> Tensor:
        if tuple(frames.shape[2:]) != self.shape:
            raise ConfigError(f"clips: found frames of shape {tuple(frames.shape[2:])}; wanted {self.shape}, which the "
                              "encoder was built for. Correct its `shape`.")
        numbers = frames.to(self.over_time.embed.weight.dtype)
        shown = (numbers != 0).unsqueeze(-1).flatten(2).any(dim=2)  # (B, T)
        numbers = (numbers - self.mean) / self.deviation
        if self.network is not None:
            pictures = numbers.movedim(4, 2) if numbers.ndim == 5 else numbers.unsqueeze(2)  # (B, T, C, H, W)
            if self.look is not None:
                sides = [min(side, self.look) for side in self.shape[:2]]
                pictures = F.adaptive_avg_pool2d(pictures.flatten(0, 1), sides).unflatten(0, shown.shape)
            return self.over_time(look_at(self.network, pictures, shown), shown)
        values = numbers.unsqueeze(-1).flatten(2)  # (B, T, K)

        # nothing has changed since a frame that is not there
        both = shown[:, 1:] & shown[:, :-1]
        changes = F.pad(values.diff(dim=1) * both[..., None], (0, 0, 1, 0))
        return self.over_time(torch.cat([values, changes], dim=2), shown)
