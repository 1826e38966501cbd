"""Grad-CAM: where in an image a score comes from.

Works on any scorer whose image network ends in a map of features: every convolutional network of timm, and AlexNet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from mgutils.errors import ConfigError

LEAST = 7
"""Places a side that a map should have: as many as a ResNet's last has at 224 px. At 64 px that one has 2, and its heat
finds the person no better than chance would."""


def grad_cam(scorer: nn.Module, images: Tensor, classes: Tensor | None = None, least: int = LEAST) -> np.ndarray:
    """Heat of each image: how much its places raise the score of a class.

    The map ``A`` (K, h, w) is the deepest of the image network with at least ``least`` places a side (else the largest
    of them). With ``a_k`` the mean over places of d score / d ``A_k``, the heat is ``relu(sum_k a_k A_k)``, brought
    to the size of the image and divided by its maximum.

    Parameters
    ----------
    scorer : nn.Module
        Images (B, 3, S, S) to scores (B, C), with its image network as ``network``.
    images : Tensor (B, 3, S, S)
        As :func:`mgutils.models.encoders.as_images` makes them.
    classes : Tensor (B,), optional
        Class indices to explain; the answered ones if not given.
    least : int

    Returns
    -------
    ndarray (B, S, S)
        In 0..1; all 0 where no place raises the score.

    Raises
    ------
    ConfigError
        If the image network has no map of features, as a vision transformer has none.

    References
    ----------
    Selvaraju et al. 2017, Grad-CAM, arXiv:1610.02391, equations 1 and 2.
    """
    with torch.enable_grad(), _kept_maps(scorer.network, least) as maps:
        scores = scorer(images)  # (B, C)
        if classes is None:
            classes = scores.argmax(dim=1)
        if not maps:
            raise ConfigError("Grad-CAM: found an image network without a map of features; wanted a convolutional one, "
                              "such as resnet50. Leave --gradcam out.")
        features = maps[-1]  # (B, K, h, w)
        slope, = torch.autograd.grad(scores.gather(1, classes[:, None]).sum(), features)
    heat = F.relu((slope.mean(dim=(2, 3), keepdim=True) * features.detach()).sum(dim=1, keepdim=True))  # (B, 1, h, w)
    heat = F.interpolate(heat.float(), size=images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
    return (heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)).cpu().numpy()


@contextmanager
def _kept_maps(network: nn.Module, least: int) -> Iterator[list[Tensor]]:
    """While open, a list whose last entry is the wanted map of the latest forward pass."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple, output: object) -> None:
        if not isinstance(output, Tensor) or output.ndim != 4 or not output.requires_grad or min(output.shape[2:]) < 2:
            return
        if not kept or min(output.shape[2:]) >= min(least, min(kept[-1].shape[2:])):
            kept[:] = [output]

    # a transformer's only such map is its patches before the first block: not features
    hooks = [] if _is_transformer(network) else [module.register_forward_hook(keep) for module in network.modules()]
    try:
        yield kept
    finally:
        for hook in hooks:
            hook.remove()


def _is_transformer(network: nn.Module) -> bool:
    return any(name.endswith(("patch_embed", "cls_token", "pos_embed")) for name, _ in
               [*network.named_modules(), *network.named_parameters()])


def overlay(image: Image.Image, heat: np.ndarray, strength: float = 0.6) -> Image.Image:
    """An image in grey with its heat in colour: none where it is cold, then purple, orange and yellow.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    heat : ndarray (h, w)
        In 0..1, stretched over the image.
    strength : float
        Share of the colour where the heat is 1.
    """
    from matplotlib import colormaps

    stretched = np.asarray(Image.fromarray(heat.astype(np.float32)).resize(image.size, Image.Resampling.BILINEAR))
    color = colormaps["inferno"](stretched)[..., :3] * 255
    share = strength * stretched[..., None].clip(0, 1)
    grey = np.asarray(image.convert("L").convert("RGB"), dtype=np.float32)
    return Image.fromarray(((1 - share) * grey + share * color).round().astype(np.uint8))
