"""Masked autoencoding of a camera's clips: hide most of the patches, and guess them from the rest.

The network is that of the transformers library. By hand are what it leaves to others: which patches
are hidden, a target for any camera, and a picture of what was guessed.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import VideoMAEConfig, VideoMAEForPreTraining

from mgutils.errors import ConfigError
from mgutils.losses.reconstruction import (
    Block,
    Scale,
    denormalise,
    normalise,
    patchify,
    reconstruction_loss,
    scale_of,
    scrambled_patches,
    unpatchify,
)
from mgutils.models.pretrained import IMAGENET
from mgutils.models.video import Camera, channels_of, scale_frames

Grid = tuple[int, int, int]
"""Patches in time, down and across."""
SMALL = Block(2, 8)
"""For clips of 8 frames of 48 pixels: 144 patches."""


def random_mask(batch: int, grid: Grid, ratio: float, generator: torch.Generator) -> Tensor:
    """Hide patches anywhere: (B, N) bool, the same number of each clip.

    A hidden patch can often be copied from the same place a moment before: a video hardly moves.

    Raises
    ------
    ConfigError
        If the ratio hides nothing, or everything.
    """
    time, down, across = grid
    return _hide(batch, time * down * across, ratio, generator)


def tube_mask(batch: int, grid: Grid, ratio: float, generator: torch.Generator) -> Tensor:
    """Hide places for all of the clip: (B, N) bool, the same number of each clip.

    Nothing can be copied from another moment, which is why VideoMAE hides in tubes.

    Raises
    ------
    ConfigError
        If the ratio hides nothing, or everything.
    """
    time, down, across = grid
    return _hide(batch, down * across, ratio, generator).repeat(1, time)


def _hide(batch: int, places: int, ratio: float, generator: torch.Generator) -> Tensor:
    """(B, places) bool, True where hidden: those with the lowest of as many random numbers."""
    count = round(ratio * places)
    if not 0 < count < places:
        raise ConfigError(
            f"mask ratio: found {ratio}, which hides {count} of {places} patches; wanted one that "
            f"hides 1 to {places - 1}.")
    order = torch.rand(batch, places, generator=generator).argsort(dim=1)
    return torch.zeros(batch, places, dtype=torch.bool).scatter(1, order[:, :count], True)


class Pictures(NamedTuple):
    """Three videos (B, T, C, S, S) to be looked at: colours in 0..1, else as networks read them."""

    seen: Tensor
    """What the network saw; hidden patches are grey."""
    guessed: Tensor
    """The same with guesses in the hidden patches."""
    true: Tensor


class MaskedVideo(nn.Module):
    """VideoMAE for one camera. Called with frames alone, it is an encoder like any other.

    Shape: frames (B, T, S, S[, 3]) as stored -> (B, ``width``), the mean of all patches' states. With
    ``hidden`` (B, N) the guesses of the hidden patches, (B, K, t s s C).

    Parameters
    ----------
    camera : {"rgb", "depth", "infrared"}
    frames, size : int
        Of a clip: it has to have exactly as many. Positions are fixed sines.
    block : Block
        Frames and side of a patch.
    width, layers, heads : int
        Of the encoder, which reads what is not hidden.
    decoder_width, decoder_layers : int
        Of the decoder, which is thrown away after the pre-training.
    normalised : bool
        Guess patches normalised each for itself.

    Raises
    ------
    ConfigError
        If the camera is unknown, or patches do not fill a clip.

    References
    ----------
    Tong et al. 2022, arXiv:2203.12602.
    """

    def __init__(self, camera: Camera, frames: int = 8, size: int = 48, block: Block = SMALL,
                 width: int = 96, layers: int = 4, heads: int = 4, decoder_width: int = 48,
                 decoder_layers: int = 2, normalised: bool = True) -> None:
        super().__init__()
        if frames % block.frames or size % block.side:
            raise ConfigError(
                f"patches of {block.frames} frames and {block.side} pixels: found clips of {frames} "
                f"frames and {size} pixels; wanted multiples.")
        self.camera = camera
        self.size = size
        self.block = block
        self.normalised = normalised
        self.width = width
        self.grid: Grid = (frames // block.frames, size // block.side, size // block.side)
        self.network = VideoMAEForPreTraining(VideoMAEConfig(
            image_size=size, patch_size=block.side, num_channels=channels_of(camera),
            num_frames=frames, tubelet_size=block.frames, hidden_size=width,
            num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=2 * width,
            decoder_hidden_size=decoder_width, decoder_num_hidden_layers=decoder_layers,
            decoder_num_attention_heads=heads, decoder_intermediate_size=2 * decoder_width,
            norm_pix_loss=True))  # of the library's own loss, which we do not use: see targets

    def forward(self, frames: Tensor, hidden: Tensor | None = None) -> Tensor:
        video = scale_frames(frames, self.camera)
        if hidden is not None:
            return self.network(video, bool_masked_pos=hidden).logits
        states = self.network.videomae(video, bool_masked_pos=None).last_hidden_state  # (B, N, width)
        return states.mean(dim=1)

    def video(self, frames: Tensor) -> Tensor:
        """What is to be guessed: colours in 0..1, other cameras as networks read them."""
        video = scale_frames(frames, self.camera)
        if self.camera != "rgb":
            return video
        mean, deviation = (
            torch.tensor(part, device=video.device).view(3, 1, 1) for part in IMAGENET)
        return video * deviation + mean

    def targets(self, frames: Tensor, scrambled: bool = False) -> Tensor:
        """The patches to guess, (B, N, t s s C); ``scrambled`` as the original, never normalised.

        The library has the same target for three channels. For others it can only normalise; its
        message asks for the opposite.
        """
        video = self.video(frames)
        if scrambled:
            return scrambled_patches(video, self.block)
        patches = patchify(video, self.block)
        return normalise(patches, self._scale(patches)) if self.normalised else patches

    def loss(self, frames: Tensor, hidden: Tensor, scrambled: bool = False) -> Tensor:
        """Mean squared error of the hidden patches, a scalar."""
        return reconstruction_loss(
            self(frames, hidden), self.targets(frames, scrambled), hidden)

    @torch.no_grad()
    def pictures(self, frames: Tensor, hidden: Tensor, scrambled: bool = False) -> Pictures:
        """What the network saw, what it made of it, and what there was.

        Guesses are put back where their patches belong, also those of a network that was trained
        with the ``scrambled`` target. That is where the fault shows: its loss is low, and its picture
        is not the video.
        """
        video = self.video(frames)
        patches = patchify(video, self.block)
        guesses = self(frames, hidden)
        seen = patches.masked_fill(hidden[..., None], 0.5 if self.camera == "rgb" else 0.0)
        filled = patches.clone()
        if self.normalised and not scrambled:
            scale = Scale(*(part[hidden].view(len(guesses), -1, 1, part.shape[3])
                            for part in self._scale(patches)))
            guesses = denormalise(guesses, scale)
        filled[hidden] = guesses.flatten(0, 1)
        return Pictures(*(unpatchify(part, self.block, self.grid) for part in (seen, filled)), video)

    def _scale(self, patches: Tensor) -> Scale:
        return scale_of(patches, channels_of(self.camera))
