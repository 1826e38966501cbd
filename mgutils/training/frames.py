"""Features of each frame of clips by a frozen image encoder, kept for the next run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import timm
import torch
import torch.nn.functional as F
from filelock import FileLock
from numpy import ndarray
from torch import nn

from mgutils.config.derived import FrameFeatures
from mgutils.config.settings import RunConfig
from mgutils.errors import ConfigError
from mgutils.files import atomic_file
from mgutils.models.encoders import ImageEncoder, as_images
from mgutils.progress import progress_bar
from mgutils.training.checkpoint import fit_weights, read_weights
from mgutils.training.config_file import check_task, read_config
from mgutils.training.start import WEIGHTS
from mgutils.training.whole import check_run, hash_file

SIDE = 96
"""Least side of the pictures that a network of timm looks at, in pixels: smaller ones are enlarged."""
LARGEST = 224
"""And the largest."""
TOGETHER = 32
"""Frames that are encoded at once."""
_PART = {"image-text": "image_encoder.", "classification": "network."}
"""Of the names of a run's weights, by its task."""
_FORMAT = 1  # of the files that are kept


def open_encoder(by: str) -> tuple[nn.Module, int]:
    """An image encoder that does not learn here, and the side of the pictures that it wants; 0: their own.

    Parameters
    ----------
    by : str
        A timm name, the hub name of a CLIP, or a folder of a run of the first system.

    Raises
    ------
    ConfigError, CheckpointError
        If nobody knows the name, the weights are not at hand, or the run is another one or damaged.
    """
    folder = run_of(by)
    if folder is not None:
        config = _config_of(folder)
        encoder = ImageEncoder(config.model.image_encoder, False, config.model.image_kwargs)
        weights, _ = read_weights(folder / WEIGHTS)
        begin = _PART[config.task]
        own = {name.removeprefix(begin): part for name, part in weights.items() if name.startswith(begin)}
        fit_weights(encoder, own, folder / WEIGHTS)
        return encoder.eval(), config.train.image_size
    encoder = ImageEncoder(by, True)
    vision = getattr(getattr(encoder.model, "config", None), "vision_config", None)
    return encoder.eval(), getattr(vision, "image_size", 0)


def run_of(by: str) -> Path | None:
    """The folder of a run that an encoder's name is; ``None`` where it is another name.

    Raises
    ------
    ConfigError
        If it is neither that, nor a name that timm knows, nor one of the hub's.
    """
    if (Path(by) / "config.json").is_file():
        return Path(by)
    if not timm.is_model(by) and ("/" not in by or Path(by).exists() or by.startswith(("/", "."))):
        raise ConfigError(f"by: found {by!r}; wanted a name that timm knows (timm.list_models()), that of a CLIP on "
                          "the hub (owner/name), or a folder that `mg train` left.")
    return None


def _config_of(folder: Path) -> RunConfig:
    """The settings of a whole run of the first system."""
    config = read_config(folder / "config.json")
    check_task(config, folder, *_PART)
    check_run(folder, ("config.json", WEIGHTS), hashes=True)
    if config.model.image_encoder == "alexnet":
        raise ConfigError(f"by: found {folder}, whose network is alexnet; wanted a run with another image encoder.")
    return config


def encode_frames(frames: ndarray, encoder: nn.Module, side: int = 0, places: ndarray | None = None,
                  progress: bool = False) -> ndarray:
    """Features (R, W) float32 of frames (F, S, S, 3) or (F, S, S), bytes.

    Parameters
    ----------
    frames : ndarray
        Of three colours, or of one.
    encoder : nn.Module
        From :func:`open_encoder`.
    side : int
        Of the pictures that it is shown, in pixels; 0: their own, within :data:`SIDE` and :data:`LARGEST`.
    places : ndarray (R,), optional
        Which frames are looked at; all if not given.
    progress : bool
        Show a bar.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    encoder = encoder.to(device)
    side = side or min(max(SIDE, *frames.shape[1:3]), LARGEST)
    places = np.arange(len(frames)) if places is None else places
    bar = progress_bar(total=len(places), unit="frame", desc="encode once", disable=not progress)
    found = []
    for begin in range(0, len(places), TOGETHER):
        pixels = torch.from_numpy(np.array(frames[places[begin:begin + TOGETHER]])).to(device)
        if pixels.ndim == 3:
            pixels = pixels[..., None].expand(-1, -1, -1, 3)  # grey
        images = as_images(pixels)
        if tuple(images.shape[2:]) != (side, side):
            images = F.interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)
        with torch.no_grad():
            found.append(encoder(images).float().cpu().numpy())
        bar.update(len(pixels))
    bar.close()
    return np.concatenate(found)


def frame_features(frames: ndarray, places: ndarray, settings: FrameFeatures, source: Path, folder: Path,
                   progress: bool = True) -> ndarray:
    """Features (R, W) of some of the frames of all clips, memory-mapped; made where they are not kept.

    Parameters
    ----------
    frames : ndarray (F, ...)
        Memory-mapped.
    places : ndarray (R,)
        Which of them are looked at, in order.
    settings : FrameFeatures
    source, folder : Path
        The file of the frames, and where features are kept.
    progress : bool
        Show a bar.

    Raises
    ------
    ConfigError
        If the frames are no pictures of bytes, there is no such encoder, or the folder cannot be written to.
    """
    if frames.dtype != np.uint8 or frames.shape[3:] not in ((), (3,)) or frames.ndim < 3:
        raise ConfigError(f"{settings.name}: found {settings.of}, {frames.dtype} of shape {frames.shape[1:]} a frame, "
                          "for an image encoder; wanted pictures of bytes, such as rgb or infrared.")
    run, state = run_of(settings.by), source.stat()
    encoder = settings.by if run is None else hash_file(run / WEIGHTS)
    key = f"{_FORMAT} {encoder} {SIDE} {LARGEST} {source.resolve()} {state.st_size} {state.st_mtime_ns}".encode()
    digest = hashlib.sha256(key + np.ascontiguousarray(places, dtype=np.int64).tobytes())
    file = folder / f"frames-{digest.hexdigest()[:16]}.npy"
    with lock_of(file):  # one process encodes, the others wait for its file
        if not file.exists():
            found = encode_frames(frames, *open_encoder(settings.by), places, progress)
            with atomic_file(file) as aside:
                np.save(aside, found)
    return np.load(file, mmap_mode="r")


@contextmanager
def lock_of(file: Path) -> Iterator[None]:
    """Hold the lock of a file that is about to be made; its folder is made, too.

    Raises
    ------
    ConfigError
        If the folder cannot be written to.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(file.with_suffix(".lock"))
        lock.acquire()
    except OSError as error:
        raise ConfigError(f"{file.parent}: cannot be written to ({error.strerror}); wanted room for what frozen "
                          "encoders make. Make room, or let the folder be written to.") from None
    try:
        yield
    finally:
        lock.release()
