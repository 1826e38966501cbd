"""SlowOnly, the 3-D ResNet of the original, for stacks of heatmaps instead of colour pictures.

The names of its weights are pyskl's, so that its checkpoints load (:func:`from_pyskl`). Where the
maps come from is in ``heatmaps``, what becomes of the features in ``skeleton``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from numpy import ndarray
from torch import Tensor, nn

from mgutils.data.keypoints import JOINTS, LIMBS
from mgutils.errors import CheckpointError, ConfigError
from mgutils.models.heatmaps import joint_maps, limb_maps

Stream = Literal["joint", "limb"]
Triple = tuple[int, int, int]
"""Sizes in time, down and across."""


class ConvNorm(nn.Module):
    """A 3-D convolution without bias and its batch normalisation; padded to keep the size."""

    def __init__(self, channels: int, out: int, kernel: Triple, stride: Triple = (1, 1, 1)) -> None:
        super().__init__()
        padding = tuple(side // 2 for side in kernel)
        self.conv = nn.Conv3d(channels, out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm3d(out)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, maps: Tensor) -> Tensor:
        return self.bn(self.conv(maps))


class Bottleneck(nn.Module):
    """A residual block: narrow, look around, widen, add what came in.

    Shape: (B, channels, T, H, W) -> (B, 4 ``planes``, T', H', W'), each side divided by the stride.

    Parameters
    ----------
    channels : int
        Of the input.
    planes : int
        Width of the narrow part.
    stride : tuple of int
        Of the second convolution and of the shortcut.
    inflate : bool
        Whether the first convolution sees the frame before and the one after. Only inflated blocks
        know that there is time; in the others a frame never meets another.
    shortcut : bool
        Whether the input needs a convolution before it can be added, because its size changes.

    Taught in: 10, section 3.
    """

    def __init__(self, channels: int, planes: int, stride: Triple, inflate: bool,
                 shortcut: bool) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels, planes, (3, 1, 1) if inflate else (1, 1, 1))
        self.conv2 = ConvNorm(planes, planes, (1, 3, 3), stride)
        self.conv3 = ConvNorm(planes, 4 * planes, (1, 1, 1))
        self.downsample = ConvNorm(channels, 4 * planes, (1, 1, 1), stride) if shortcut else None

        # a block starts as its shortcut: it adds nothing until it has learned something
        nn.init.zeros_(self.conv3.bn.weight)

    def forward(self, maps: Tensor) -> Tensor:
        out = F.relu(self.conv1(maps), inplace=True)
        out = F.relu(self.conv2(out), inplace=True)
        out = self.conv3(out)
        kept = maps if self.downsample is None else self.downsample(maps)
        return F.relu(out + kept, inplace=True)


class FramePool(nn.MaxPool2d):
    """The largest value around each place of a frame: (B, C, T, H, W) -> (B, C, T, H', W').

    The same as a pooling in three dimensions that takes one frame at a time. The gradient of that one has no fixed
    order of addition on a GPU, and equal runs would not give equal bits.
    """

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps.flatten(1, 2)).unflatten(1, maps.shape[1:3])


class SlowOnly(nn.Module):
    """Maps (B, ``channels``, T, H, W) -> features (B, ``width``, T', H', W').

    The first layer works on every frame alone, the others see time, too. Each layer halves height
    and width, the last one also the frames; the stem keeps all of them, since a heatmap is small.

    Parameters
    ----------
    channels : int
        V, the number of joints or limbs.
    base : int
        Channels after the stem; layer i has ``base * 2**i`` planes and four times as many outputs.
    blocks : sequence of int
        Blocks of each layer.
    inflate : sequence of bool
        For each layer, whether its blocks see time.
    strides : sequence of tuple
        For each layer, the stride of its first block in time, down and across.

    Attributes
    ----------
    width : int
        512 with the original's base and three layers.

    References
    ----------
    Duan et al. 2022, arXiv:2104.13586, PoseConv3D; Feichtenhofer et al. 2019, arXiv:1812.03982,
    SlowFast. The defaults are those of MiGA2023_Track1, ``configs/posec3d``, at commit fe362d7.

    Examples
    --------
    >>> from mgutils.models.encoders import count_parameters
    >>> count_parameters(SlowOnly(22))
    2001920

    Taught in: 10, section 3.
    """

    def __init__(
        self,
        channels: int,
        base: int = 32,
        blocks: Sequence[int] = (4, 6, 3),
        inflate: Sequence[bool] = (False, True, True),
        strides: Sequence[Triple] = ((1, 2, 2), (1, 2, 2), (2, 2, 2)),
    ) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels, base, (1, 7, 7))
        self.maxpool = FramePool(3, stride=1, padding=1)
        self.layers: list[str] = []
        width = base
        plan = zip(blocks, inflate, strides, strict=True)
        for depth, (count, sees_time, stride) in enumerate(plan):
            planes = base * 2**depth
            layer = nn.Sequential(Bottleneck(width, planes, stride, sees_time, shortcut=True))
            for _ in range(count - 1):
                layer.append(Bottleneck(4 * planes, planes, (1, 1, 1), sees_time, shortcut=False))
            name = f"layer{depth + 1}"
            self.add_module(name, layer)
            self.layers.append(name)
            width = 4 * planes
        self.width = width

    def forward(self, maps: Tensor) -> Tensor:
        features = self.maxpool(F.relu(self.conv1(maps), inplace=True))
        for name in self.layers:
            features = getattr(self, name)(features)
        return features


PYSKL = {
    "backbone.": "network.backbone.",
    "cls_head.fc_cls.": "classes.",
    "cls_head.emb_fc.": "words.",
}
"""How the names of a pyskl checkpoint begin, and how those of our classifier do."""


def from_pyskl(weights: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Rename the weights of a pyskl checkpoint for ``model.load_state_dict``.

    Parameters
    ----------
    weights : mapping
        The checkpoint's ``state_dict``: ``backbone.layer1.0.conv1.conv.weight``, and so on.
    model : nn.Module
        A :class:`mgutils.models.skeleton.SkeletonClassifier` of the same sizes.

    Raises
    ------
    CheckpointError
        If a weight is missing, left over, or of another shape; the message names it.
    """
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    found = {_renamed(name): value for name, value in weights.items()}
    faults = [f"missing: {name}" for name in wanted.keys() - found.keys()]
    faults += [f"left over: {name}" for name in found.keys() - wanted.keys()]
    faults += [
        f"{name}: found {tuple(value.shape)}, wanted {tuple(wanted[name])}"
        for name, value in found.items() if name in wanted and value.shape != wanted[name]]
    if faults:
        raise CheckpointError(
            f"pyskl checkpoint: {len(faults)} of its weights do not fit the model; "
            f"{'; '.join(sorted(faults)[:5])}. Build the model with the checkpoint's joints or "
            "limbs, base, blocks, classes and words.")
    return found


def _renamed(name: str) -> str:
    """A weight's name in our classifier; a name that we do not know stays."""
    for theirs, ours in PYSKL.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name


class PoseConv3D(nn.Module):
    """Draw the joints or the limbs, look at the drawings with SlowOnly, and take the mean.

    Shape: joints (B, T, 22, 3), x and y in 0..1 of the box round the clip (see
    :func:`mgutils.data.keypoints.compact`) -> (B, ``width``). Padded frames are empty maps and count in
    the mean, as in the original: how long a clip is remains visible.

    Parameters
    ----------
    stream : {"joint", "limb"}
        What is drawn.
    size : int
        Side of the maps; the original trains at 56 and tests at 64.
    base, blocks
        As for :class:`SlowOnly`. Base 8, blocks (1, 1, 1) and 24 px do on two cores.
    sigma : float
        Of the spots and ridges, in pixels of the map.
    limbs : ndarray
        Start and end of each limb, ``(L, 2)``.

    Raises
    ------
    ConfigError
        If the stream is unknown.

    References
    ----------
    Duan et al. 2022, arXiv:2104.13586.
    """

    def __init__(self, stream: Stream = "joint", size: int = 56, base: int = 32,
                 blocks: Sequence[int] = (4, 6, 3), sigma: float = 0.6,
                 limbs: ndarray = LIMBS) -> None:
        super().__init__()
        parts = parts_of(stream)
        self.stream = stream
        self.size = size
        self.sigma = sigma
        self.limbs = limbs
        channels = parts if stream == "joint" else len(limbs)
        backbone = SlowOnly(channels, base, blocks)
        self.backbone = backbone.to(memory_format=torch.channels_last_3d)  # as the maps have it
        self.width = backbone.width

    def forward(self, joints: Tensor) -> Tensor:
        features = self.backbone(self.draw(joints))  # (B, width, T', H', W')
        return features.mean(dim=(2, 3, 4))

    def draw(self, joints: Tensor) -> Tensor:
        """The maps: joints (B, T, 22, 3) -> (B, V, T, S, S)."""
        if self.stream == "joint":
            return joint_maps(joints, self.size, self.sigma)
        return limb_maps(joints, self.size, self.sigma, self.limbs)


def parts_of(stream: str) -> int:
    """How many parts a stream has: 22 joints, or 21 limbs.

    Raises
    ------
    ConfigError
        If the stream is unknown.
    """
    if stream not in ("joint", "limb"):
        raise ConfigError(f"stream: found {stream!r}; wanted 'joint' or 'limb'.")
    return len(JOINTS) if stream == "joint" else len(LIMBS)
