"""Networks that read the frames of one camera: clips (B, T, S, S[, 3]) into one vector (B, D).

Clips come as the data set stores them, bytes or millimetres; :func:`scale_frames` knows what to do
with each. A frame without a single pixel above 0 is padding, or a camera that was off: it is neither
attended to nor does it take part in a batch's statistics. Joints are read in ``skeleton``.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgutils.errors import ConfigError
from mgutils.models.arrays import FrameTransformer, check_length, look_at
from mgutils.models.encoders import ImageEncoder
from mgutils.models.pretrained import IMAGENET, image_network

Camera = Literal["rgb", "depth", "infrared"]
MIDDLE = 2.0
"""Metres from the camera that become 0: about where people sit."""
GLOBALS = 4
"""CLIP-ViP's tokens that see every frame: its class token and three more."""


def channels_of(camera: str) -> int:
    """3 for ``rgb``, 1 for ``depth`` and ``infrared``.

    Raises
    ------
    ConfigError
        If it is none of them.
    """
    if camera not in get_args(Camera):
        raise ConfigError(f"camera: found {camera!r}; wanted one of {', '.join(get_args(Camera))}.")
    return 3 if camera == "rgb" else 1


def scale_frames(frames: Tensor, camera: Camera) -> Tensor:
    """Stored frames to the numbers a network reads: (B, T, S, S[, 3]) -> float (B, T, C, S, S).

    Colours are normalised as ImageNet's, infrared goes to -1..1, and depth to metres from ``MIDDLE``.
    Never let an image library convert 16-bit depth: it cuts off at 255, and all that is further away
    than 25.5 cm becomes one white silhouette.

    Raises
    ------
    ConfigError
        If the camera is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> millimetres = np.array([[200, 1500, 2500]], dtype=np.uint16)
    >>> np.asarray(Image.fromarray(millimetres).convert("L")).tolist()
    [[200, 255, 255]]
    >>> stored = torch.from_numpy(millimetres)[None, None]
    >>> [round(metres, 2) for metres in scale_frames(stored, "depth").flatten().tolist()]
    [-1.8, -0.5, 0.5]
    """
    channels = channels_of(camera)
    numbers = frames.float()
    if channels == 3:
        mean, deviation = torch.tensor(IMAGENET, device=frames.device)
        return ((numbers / 255 - mean) / deviation).movedim(-1, 2)
    scaled = numbers / 1000 - MIDDLE if camera == "depth" else numbers / 127.5 - 1
    return scaled.unsqueeze(2)


def frames_shown(frames: Tensor) -> Tensor:
    """Which stored frames have a pixel above 0: (B, T, ...) -> (B, T)."""
    return frames.float().flatten(2).amax(dim=2) > 0


class FrameEncoder(nn.Module):
    """A small image network on each frame, and a transformer over what it found.

    Shape: frames (B, T, S, S[, 3]) as stored -> (B, ``width``), the state of a learned first token.

    Parameters
    ----------
    camera : {"rgb", "depth", "infrared"}
    width : int
        Of the tokens and of the answer.
    network : str
        A timm model name; for ``rgb`` also a CLIP or SigLIP on the hub, whose image tower it is. For one
        channel timm is asked for a first layer of one, not for three copies of the picture.
    kwargs : dict, optional
        Passed on to ``timm.create_model``.
    pretrained : bool
        Load the network's weights.
    layers, heads : int
        Of the transformer; its hidden layers are twice as wide as the tokens.
    frames : int
        The longest clip: each frame has a learned position.
    dropout : float
        Inside the transformer.
    look : int, optional
        Side in pixels to which frames are reduced before the network sees them; by default they are not.

    Raises
    ------
    ConfigError
        If the camera or the network is unknown, or a clip has more frames than there are positions.
    """

    def __init__(self, camera: Camera, width: int = 64, network: str = "resnet18",
                 kwargs: dict[str, Any] | None = None, pretrained: bool = False, layers: int = 2,
                 heads: int = 4, frames: int = 8, dropout: float = 0.1, look: int | None = None) -> None:
        super().__init__()
        self.camera = camera
        self.width = width
        self.look = look
        self.network, features = _frame_network(camera, network, pretrained, kwargs or {})
        self.over_time = FrameTransformer(features, width, layers, heads, frames, dropout)

    def forward(self, frames: Tensor) -> Tensor:
        shown = frames_shown(frames)  # (B, T)
        pictures = scale_frames(frames, self.camera)  # (B, T, C, S, S)
        if self.look is not None:
            pictures = F.adaptive_avg_pool2d(pictures.flatten(0, 1), self.look).unflatten(0, shown.shape)
        found = look_at(self.network, pictures, shown)
        return self.over_time(found, shown)


def _frame_network(camera: Camera, name: str, pretrained: bool,
                   kwargs: dict[str, Any]) -> tuple[nn.Module, int]:
    """A network for single pictures (N, C, S, S) and the number of its features."""
    channels = channels_of(camera)
    if channels == 3:
        encoder = ImageEncoder(name, pretrained, kwargs)
        return encoder, encoder.width
    if not timm.is_model(name):
        raise ConfigError(
            f"frame network: found {name!r} for {camera}; wanted a name that timm knows "
            "(timm.list_models()): only these can be built for one channel.")
    network = image_network(name, pretrained, {"in_chans": channels} | kwargs)
    return network, network.num_features


class BlockMaskedAttention(nn.Module):
    """CLIP-ViP's attention: patches see their own frame and the global tokens, these see everything.

    It is full attention with a mask of blocks, and has the same weights; only the blocks are ever
    computed: T (4 + P) P products in place of (T P)^2.

    Shape: tokens (B, 4 + T P, D), the global ones first, then frame after frame -> the same.

    References
    ----------
    Xue et al. 2023, arXiv:2209.06430 (XPretrain at commit c37c904).
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor, shown: Tensor) -> Tensor:
        """``shown`` (B, T) says which frames are there: the global tokens do not see the others."""
        frames = shown.shape[1]
        parts = self.qkv(tokens).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (B, heads, 4 + T P, d) each

        def by_frame(part: Tensor) -> Tensor:
            """The patches of each frame for itself: (B, heads T, P, d)."""
            return part[:, :, GLOBALS:].unflatten(2, (frames, -1)).flatten(1, 2)

        def with_globals(part: Tensor) -> Tensor:
            """Likewise, with the global tokens before them: (B, heads T, 4 + P, d)."""
            everyone = part[:, :, :GLOBALS].repeat_interleave(frames, dim=1)
            return torch.cat([everyone, by_frame(part)], dim=2)

        patches = (tokens.shape[1] - GLOBALS) // frames
        seen = F.pad(shown.repeat_interleave(patches, dim=1), (GLOBALS, 0), value=True)
        of_all = F.scaled_dot_product_attention(
            query[:, :, :GLOBALS], key, value, attn_mask=seen[:, None, None])
        of_frame = F.scaled_dot_product_attention(
            by_frame(query), with_globals(key), with_globals(value))
        of_frame = of_frame.unflatten(1, (self.heads, frames)).flatten(2, 3)
        mixed = torch.cat([of_all, of_frame], dim=2)  # (B, heads, 4 + T P, d)
        return self.out(mixed.transpose(1, 2).flatten(2))


class _Block(nn.Module):
    """Attention and two linear layers, each added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = BlockMaskedAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor, shown: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens), shown)
        return tokens + self.mlp(self.norm2(tokens))


class PatchEncoder(nn.Module):
    """CLIP-ViP's transformer over patches: clips (B, T, S, S[, 3]) as stored -> (B, ``width``).

    All four global tokens have the class token's position; the embedding of time starts at 0, so that a
    pretrained image transformer would start by reading frames one at a time. The answer is token 0.

    Parameters
    ----------
    camera : {"rgb", "depth", "infrared"}
    width, layers, heads : int
        Of the transformer; the original's are 768, 12 and 12.
    size, patch : int
        Side of the frames and of a patch, in pixels; the original's are 224 and 16.
    frames : int
        The longest clip.

    Raises
    ------
    ConfigError
        If the camera is unknown, patches do not fill a frame, or a clip is too long.
    """

    def __init__(self, camera: Camera, width: int = 64, layers: int = 4, heads: int = 4,
                 size: int = 48, patch: int = 8, frames: int = 8) -> None:
        super().__init__()
        if size % patch:
            raise ConfigError(f"patch: found {patch} for frames of {size} pixels; wanted a divisor of {size}.")
        self.camera = camera
        self.size = size
        self.width = width
        self.embed = nn.Conv2d(channels_of(camera), width, patch, patch)
        self.globals = nn.Parameter(0.02 * torch.randn(GLOBALS, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1 + (size // patch) ** 2, width))
        self.times = nn.Parameter(torch.zeros(frames, 1, width))
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, frames: Tensor) -> Tensor:
        check_length(frames, len(self.times))
        shown = frames_shown(frames)  # (B, T)
        pictures = scale_frames(frames, self.camera)
        patches = self.embed(pictures.flatten(0, 1)).flatten(2).mT  # (B T, P, width)
        patches = patches.unflatten(0, shown.shape) + self.positions[1:] + self.times[: shown.shape[1]]
        everyone = (self.globals + self.positions[0]).expand(len(shown), -1, -1)
        tokens = torch.cat([everyone, patches.flatten(1, 2)], dim=1)  # (B, 4 + T P, width)
        for block in self.blocks:
            tokens = block(tokens, shown)
        return self.norm(tokens[:, 0])
