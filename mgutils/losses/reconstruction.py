"""The loss of a masked autoencoder: the pixels of hidden patches, and how a video becomes patches.

A patch is a small block in time and space. Which ones are hidden, and by which network they are
guessed, is in :mod:`mgutils.models.masked`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Block(NamedTuple):
    """Size of a patch: frames, and side in pixels. VideoMAE's is 2 and 16."""

    frames: int
    side: int


EPSILON = 1e-6
"""Added to a patch's deviation: a patch of one colour is not divided by 0."""


def grid_of(video: Tensor, block: Block) -> tuple[int, int, int]:
    """How many patches a video (B, T, C, H, W) has in time, down and across.

    Raises
    ------
    ValueError
        If the patches do not fill it.
    """
    _, frames, _, height, width = video.shape
    if frames % block.frames or height % block.side or width % block.side:
        raise ValueError(
            f"video: found {frames} frames of {height} x {width} pixels; wanted multiples of "
            f"{block.frames} and {block.side}: patches fill a video")
    return frames // block.frames, height // block.side, width // block.side


def patchify(video: Tensor, block: Block) -> Tensor:
    """Cut a video into patches: (B, T, C, H, W) -> (B, N, t s s C).

    Patches are counted across, then down, then in time; within one, numbers run over the colours,
    then across, down, and in time.

    Raises
    ------
    ValueError
        If the patches do not fill the video.

    Examples
    --------
    >>> picture = torch.arange(16).view(1, 1, 1, 4, 4)
    >>> patchify(picture, Block(1, 2))
    tensor([[[ 0,  1,  4,  5],
             [ 2,  3,  6,  7],
             [ 8,  9, 12, 13],
             [10, 11, 14, 15]]])
    """
    time, down, across = grid_of(video, block)
    parts = video.reshape(
        len(video), time, block.frames, video.shape[2], down, block.side, across, block.side)
    #                  B  T' H' W' t  s  s  C
    parts = parts.permute(0, 1, 4, 6, 2, 5, 7, 3)
    return parts.flatten(4).flatten(1, 3)


def unpatchify(patches: Tensor, block: Block, grid: tuple[int, int, int]) -> Tensor:
    """Put patches back where they were: (B, N, t s s C) -> (B, T, C, H, W), as :func:`patchify` cut them.

    ``grid`` is :func:`grid_of` the video.
    """
    parts = patches.unflatten(1, grid).unflatten(4, (block.frames, block.side, block.side, -1))
    #                  B  T' t  C  H' s  W' s
    parts = parts.permute(0, 1, 4, 7, 2, 5, 3, 6)
    return parts.flatten(6, 7).flatten(4, 5).flatten(1, 2)


class Scale(NamedTuple):
    """Mean and deviation of each patch and colour, (B, N, 1, C) both."""

    mean: Tensor
    deviation: Tensor


def scale_of(patches: Tensor, channels: int) -> Scale:
    """Mean and deviation of the pixels of each patch, (B, N, t s s C), apart for each colour."""
    pixels = patches.unflatten(2, (-1, channels))  # (B, N, t s s, C)
    return Scale(pixels.mean(dim=2, keepdim=True), pixels.std(dim=2, keepdim=True) + EPSILON)


def normalise(patches: Tensor, scale: Scale) -> Tensor:
    """Patches with a mean of 0 and a deviation of 1: shapes are left to guess, not brightness.

    Shape: (B, N, t s s C) -> the same.
    Source: He et al. 2022, arXiv:2111.06377, section 3, with the unbiased variance of VideoMAE.
    """
    pixels = patches.unflatten(2, (-1, scale.mean.shape[3]))
    return ((pixels - scale.mean) / scale.deviation).flatten(2)


def denormalise(patches: Tensor, scale: Scale) -> Tensor:
    """The reverse of :func:`normalise`; a picture of guesses borrows the true patches' scale."""
    pixels = patches.unflatten(2, (-1, scale.mean.shape[3]))
    return (pixels * scale.deviation + scale.mean).flatten(2)


def scrambled_patches(video: Tensor, block: Block) -> Tensor:
    """What the original has its network guess: numbers of a video in the order of memory, N rows of them.

    It takes the predictions (B, N, t s s C) for a video (B, C, T, H, W) by ``view``, without putting
    patches back. Row i of the guess is then compared with a strip of pixels from elsewhere in the
    video. Yet each pixel has exactly one number that guesses it, so the loss falls as it should,
    and no curve shows the fault. A picture does.

    Shape: video (B, T, C, H, W) -> (B, N, t s s C), as :func:`patchify`.
    Source: CMVRA at commit 39d6684, the masked autoencoder's loop.

    Examples
    --------
    >>> picture = torch.arange(16).view(1, 1, 1, 4, 4)
    >>> scrambled_patches(picture, Block(1, 2))[0, 0].tolist()  # the patch has 0, 1, 4, 5
    [0, 1, 2, 3]
    """
    time, down, across = grid_of(video, block)
    return video.transpose(1, 2).reshape(len(video), time * down * across, -1)


def reconstruction_loss(guessed: Tensor, patches: Tensor, hidden: Tensor) -> Tensor:
    """Mean squared error of the hidden patches; those that the network saw do not count.

    Parameters
    ----------
    guessed : Tensor
        ``(B, K, t s s C)``, one row for each of the K hidden patches of a video, in their order.
    patches : Tensor
        What is to be guessed, ``(B, N, t s s C)``: patches as they are, normalised, or scrambled.
    hidden : Tensor
        ``(B, N)`` bool, K of each row.

    Returns
    -------
    Tensor
        A scalar. With normalised patches, guessing 0 throughout costs about 1.

    Raises
    ------
    ValueError
        If there is not one guess for each hidden patch.

    References
    ----------
    Tong et al. 2022, arXiv:2203.12602, VideoMAE.
    """
    return row_losses(guessed, patches, hidden).mean()


def row_losses(guessed: Tensor, patches: Tensor, hidden: Tensor) -> Tensor:
    """The error of each video, (B,); :func:`reconstruction_loss` is their mean."""
    counts = hidden.sum(dim=1)
    if guessed.ndim != 3 or not torch.all(counts == guessed.shape[1]):
        raise ValueError(
            f"found guesses {tuple(guessed.shape)} for {counts.min()} to {counts.max()} hidden "
            "patches; wanted (B, K, numbers) with K hidden patches in every video")
    return (guessed - patches[hidden].view_as(guessed)).square().mean(dim=(1, 2))
