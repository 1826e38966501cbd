"""Networks that read what a frozen encoder has made: numbers brought to one size, then a vector, a mean, a transformer.

The size is found on the clips that a run learns from, and kept with its weights, as the width is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mgutils.config.space import is_picture
from mgutils.data.keypoints import JOINTS
from mgutils.errors import ConfigError
from mgutils.models.skeleton import frame_features, mean_there


class Standardised(nn.Module):
    """Numbers around 0 with a mean square of 1, for the network behind: (B, T, W) -> (B, ``width``).

    A frame of zeros counts as missing, and stays zeros.

    Parameters
    ----------
    features : int
        W.
    inner : nn.Module
        With an attribute ``width``.
    """

    def __init__(self, features: int, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.width: int = inner.width
        self.register_buffer("data_mean", torch.zeros(features))
        self.register_buffer("data_deviation", torch.ones(()))

    @torch.no_grad()
    def fit(self, rows: Tensor) -> None:
        """Take the mean (W,) of some rows (R, W), and one deviation of all that is left."""
        rows = rows.to(self.data_mean)
        self.data_mean.copy_(rows.mean(dim=0))
        self.data_deviation.copy_((rows - self.data_mean).square().mean().sqrt())
        if not self.data_deviation > 1e-6:
            self.data_deviation.fill_(1)  # all rows are the same

    def forward(self, frames: Tensor) -> Tensor:
        if frames.shape[-1] != len(self.data_mean):
            raise ConfigError(f"clips: found {frames.shape[-1]:,} numbers a frame; wanted {len(self.data_mean):,}, as "
                              "in training. Give it what the same encoder makes.")
        numbers = frames.to(self.data_mean.dtype)
        shown = (numbers != 0).any(dim=-1, keepdim=True)
        return self.inner(torch.where(shown, (numbers - self.data_mean) / self.data_deviation, 0))


class VectorEncoder(nn.Module):
    """Nothing but the vector of a sentence: (B, 1, W) -> (B, W). What learns is the projection behind.

    Parameters
    ----------
    shape : sequence of int
        (W,).
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        (self.width,) = shape

    def forward(self, vectors: Tensor) -> Tensor:
        return vectors[:, 0]


class MeanEncoder(nn.Module):
    """The mean over the frames that are there, without their order: (B, T, ``*shape``) -> (B, ``width``).

    Each frame is read by itself, by a linear layer and a GELU. Joints are placed as
    :func:`mgutils.models.skeleton.frame_features` places them, without how far they went since the frame before.

    Parameters
    ----------
    shape : sequence of int
        Of a frame.
    width : int

    Raises
    ------
    ConfigError
        If frames are pictures.
    """

    def __init__(self, shape: Sequence[int] = (len(JOINTS), 3), width: int = 64) -> None:
        super().__init__()
        if is_picture(shape):
            raise ConfigError(f"shape: found {tuple(shape)}, pictures, for a mean; wanted what an image encoder makes "
                              "of them. Name it in `derived`.")
        self.of_joints = tuple(shape) == (len(JOINTS), 3)
        self.width = width
        self.embed = nn.Linear(math.prod(shape), width)

    def forward(self, frames: Tensor) -> Tensor:
        numbers = frames.to(self.embed.weight.dtype)
        shown = (numbers != 0).unsqueeze(-1).flatten(2).any(dim=2)  # (B, T)
        if self.of_joints:
            numbers = frame_features(numbers).unflatten(-1, (len(JOINTS), 5))[..., :3]
        tokens = nn.functional.gelu(self.embed(numbers.unsqueeze(-1).flatten(2)))
        return mean_there(tokens, shown)
