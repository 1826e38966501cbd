"""What a frozen encoder makes of the data: it is run once, and its features are kept.

An encoder that does not learn gives the same features in every epoch. So every image is encoded
once as it is, and some times augmented, and training reads the features. They lie on the disk
beside the array of decoded images, for the next run.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor, nn

from mgutils.files import atomic_file
from mgutils.progress import progress_bar
from mgutils.training.batches import PixelLoader, augment

_BATCH = 64


@dataclass(frozen=True)
class Features:
    """Features of all N images, and of their augmented copies."""

    array: np.ndarray
    """(1 + copies, N, width), float32; the images themselves come first."""
    device: torch.device

    def __call__(self, rows: np.ndarray) -> Tensor:
        """Features (B, width) of the images of some rows, as they are."""
        return torch.from_numpy(self.array[0, rows]).to(self.device)

    def draw(self, rows: np.ndarray, generator: torch.Generator) -> Tensor:
        """Features (B, width) of one copy of each image, drawn at random; of the image if there is no copy."""
        copies = len(self.array) - 1
        if copies == 0:
            return self(rows)
        chosen = torch.randint(1, copies + 1, (len(rows),), generator=generator)
        return torch.from_numpy(self.array[chosen.numpy(), rows]).to(self.device)


def image_features(encoder: nn.Module, loader: PixelLoader, kind: str, copies: int) -> Features:
    """Encode all images, or read what an earlier run kept.

    Parameters
    ----------
    encoder : nn.Module
        Images (B, 3, S, S) -> features (B, width); on the loader's device.
    loader : PixelLoader
        Of all N images. If its array lies in a file, the features are kept beside it.
    kind, copies : str, int
        How the copies are augmented, and how many there are; 0 copies for ``none``.

    Raises
    ------
    ConfigError
        If the folder cannot be written to.
    """
    copies = 0 if kind == "none" else copies
    source = getattr(loader.pixels, "filename", None)
    if source is None:
        return Features(_encode(encoder, loader, kind, copies), loader.device)
    key = hashlib.sha256(f"{Path(source).name} {kind} {copies} {_hash_weights(encoder)}".encode())
    file = Path(source).with_name(f"features-{key.hexdigest()[:16]}.npy")
    with FileLock(file.with_suffix(".lock")):  # one process encodes, the others wait for its file
        if not file.exists():
            with atomic_file(file) as temporary:
                np.save(temporary, _encode(encoder, loader, kind, copies))
    return Features(np.load(file, mmap_mode="r"), loader.device)


def _hash_weights(encoder: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in encoder.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


@torch.no_grad()
def _encode(encoder: nn.Module, loader: PixelLoader, kind: str, copies: int) -> np.ndarray:
    encoder.eval()
    count = len(loader.pixels)
    parts = np.array_split(np.arange(count), max(1, count // _BATCH))
    bar = progress_bar(total=(1 + copies) * count, unit="image", desc="encode once")
    found = []
    for copy in range(1 + copies):
        generator = torch.Generator().manual_seed(copy)
        for rows in parts:
            images = augment(loader(rows), kind if copy else "none", generator)
            found.append(encoder(images).float().cpu().numpy())
            bar.update(len(rows))
    bar.close()
    return np.concatenate(found).reshape(1 + copies, count, -1)
