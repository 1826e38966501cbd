"""Where a model looks: Grad-CAM and occlusion by captum, and the heat drawn over an image."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from mgutils.errors import ConfigError
from mgutils.models.encoders import as_images

LEAST = 7
"""Smallest side of the feature map that Grad-CAM reads. A ResNet's last map has 7 at 224 px. At
64 px it has 2, and its heat finds the person no better than chance."""


def grad_cam(scorer: nn.Module, images: Tensor, classes: Tensor | None = None) -> np.ndarray:
    """Grad-CAM heat of each image for the score of a class, divided by its maximum.

    Parameters
    ----------
    scorer : nn.Module
        Images (B, 3, S, S) to scores (B, C), with its image network as ``network``.
    images : Tensor (B, 3, S, S)
        As :func:`mgutils.models.encoders.as_images` makes them.
    classes : Tensor (B,), optional
        Class indices to explain; by default the predicted ones.

    Returns
    -------
    ndarray (B, S, S)
        In 0..1; all 0 where no part of the image raises the score.

    Raises
    ------
    ConfigError
        If the image network has no feature map, as a vision transformer has none.

    References
    ----------
    Selvaraju et al. 2017, Grad-CAM, arXiv:1610.02391, equations 1 and 2.
    """
    from captum.attr import LayerGradCam

    layer, scores = feature_layer(scorer, images)
    if classes is None:
        classes = scores.argmax(dim=1)
    heat = LayerGradCam(scorer, layer).attribute(images, target=classes, relu_attributions=True)
    heat = heat.detach().float()  # (B, 1, h, w)
    heat = F.interpolate(heat, size=images.shape[-2:], mode="bilinear", align_corners=False)
    heat = heat[:, 0]
    return (heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)).cpu().numpy()


@torch.no_grad()
def feature_layer(scorer: nn.Module, images: Tensor) -> tuple[nn.Module, Tensor]:
    """The deepest layer whose map has at least :data:`LEAST` places a side, and the scores (B, C).

    Where no map is that large, it is the layer with the largest one.
    """
    found: list[tuple[int, nn.Module]] = []

    def look(layer: nn.Module, inputs: tuple, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            side = min(output.shape[2:])
            if side > 1 and (not found or side >= min(LEAST, found[-1][0])):
                found.append((side, layer))

    # A transformer's only map is its patches before the first block: no features.
    network = scorer.network
    names = [name for name, _ in (*network.named_modules(), *network.named_parameters())]
    is_transformer = any(name.endswith(("patch_embed", "cls_token", "pos_embed")) for name in names)
    layers = [] if is_transformer else network.modules()
    hooks = [layer.register_forward_hook(look) for layer in layers]
    try:
        scores = scorer(images)
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise ConfigError(
            "Grad-CAM: found an image network without a map of features; wanted a convolutional "
            "one, such as resnet50. Leave --gradcam out.")
    return found[-1][1], scores


@torch.no_grad()
def occlusion_map(scorer: nn.Module, image: np.ndarray, class_index: int, *,
                  patch: float = 0.25, steps: int = 12, batch_size: int = 72) -> np.ndarray:
    """How far the score of a class falls when a square of the image's mean colour covers a pixel.

    Parameters
    ----------
    scorer : nn.Module
        Images (B, 3, S, S) to scores (B, C).
    image : ndarray (S, S, 3) of uint8
    class_index : int
        0..C-1.
    patch : float
        Side of the square as a share of the image's.
    steps : int
        About so many positions of the square along each side.
    batch_size : int
        Images scored at once.

    Returns
    -------
    ndarray (S, S)
        Mean over the squares that cover a pixel; positive where the evidence lies.

    References
    ----------
    Zeiler and Fergus 2014, arXiv:1311.2901, section 4.2.
    """
    from captum.attr import Occlusion

    size = len(image)
    side = max(1, round(patch * size))
    stride = max(1, min(side, round((size - side) / (steps - 1))))
    colour = image.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    plain = np.broadcast_to(colour, image.shape)
    whole, covered = as_images(torch.from_numpy(np.stack([image, plain]))).split(1)
    heat = Occlusion(scorer).attribute(
        whole, target=class_index, baselines=covered, sliding_window_shapes=(3, side, side),
        strides=(3, stride, stride), perturbations_per_eval=batch_size)
    return heat[0, 0].numpy()  # the same in all three channels


def overlay(image: Image.Image, heat: np.ndarray, strength: float = 0.6) -> Image.Image:
    """An image in grey with its heat in colour: cold is grey, then purple, orange and yellow.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    heat : ndarray (h, w)
        In 0..1, stretched over the image.
    strength : float
        Opacity of the colour where the heat is 1.
    """
    from matplotlib import colormaps

    small = Image.fromarray(heat.astype(np.float32))
    stretched = np.asarray(small.resize(image.size, Image.Resampling.BILINEAR))
    color = colormaps["inferno"](stretched)[..., :3] * 255
    opacity = strength * stretched[..., None].clip(0, 1)
    grey = np.asarray(image.convert("L").convert("RGB"), dtype=np.float32)
    blended = (1 - opacity) * grey + opacity * color
    return Image.fromarray(blended.round().astype(np.uint8))
