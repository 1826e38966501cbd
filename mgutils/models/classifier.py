"""A classifier that reads no text: an image network and one linear layer."""

from __future__ import annotations

import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from mgutils.config import ModelConfig
from mgutils.models.encoders import ImageEncoder
from mgutils.models.hub import no_weights

ALEXNET = "alexnet"
_SMALLEST = 63
"""Side, in pixels, below which AlexNet's last pooling has nothing left to pool."""


class AlexNet(nn.Module):
    """Torchvision's AlexNet to its last hidden layer: images (B, 3, S, S) -> (B, ``width``).

    Parameters
    ----------
    pretrained : bool
        Load ImageNet weights.
    pool : int
        Side to which the last feature map is pooled; torchvision's is 6. At 64 px the map has one
        position, which pooling to 6 x 6 would copy 36 times.
    hidden : int
        Width of the two hidden layers; torchvision's is 4096.

    Raises
    ------
    ConfigError
        If the weights cannot be loaded.

    References
    ----------
    Krizhevsky 2014, arXiv:1404.5997, the variant that torchvision has.
    """

    def __init__(self, pretrained: bool = False, pool: int = 6, hidden: int = 4096) -> None:
        super().__init__()
        try:
            network = torchvision.models.alexnet(weights="DEFAULT" if pretrained else None)
        except OSError as error:
            raise no_weights("image encoder", ALEXNET, error) from error
        self.features = network.features
        self.pool = nn.AdaptiveAvgPool2d(pool)
        self.hidden = network.classifier[:-1]
        if (pool, hidden) != (6, 4096):
            self.hidden = nn.Sequential(
                nn.Dropout(), nn.Linear(256 * pool**2, hidden), nn.ReLU(),
                nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(),
            )
        self.width = hidden

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[-1] < _SMALLEST:
            images = F.interpolate(images, size=(_SMALLEST + 1,) * 2, mode="bilinear")
        maps = self.pool(self.features(images))  # (B, 256, pool, pool)
        return self.hidden(maps.flatten(1))


class Classifier(nn.Module):
    """An image network and one linear layer: images (B, 3, S, S) -> logits (B, C).

    Parameters
    ----------
    network : nn.Module
        With an attribute ``width``.
    classes : int
        C.
    """

    def __init__(self, network: AlexNet | ImageEncoder, classes: int) -> None:
        super().__init__()
        self.network = network
        self.linear = nn.Linear(network.width, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(self.network(images))


def build_classifier(config: ModelConfig, classes: int) -> Classifier:
    """Build the classifier of a configuration.

    Raises
    ------
    ConfigError
        If the network is unknown, or its weights cannot be loaded.
    """
    if config.image_encoder == ALEXNET:
        network = AlexNet(config.pretrained, **config.image_kwargs)
    else:
        network = ImageEncoder(config.image_encoder, config.pretrained, config.image_kwargs)
    return Classifier(network, classes)
