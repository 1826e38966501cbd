"""Answers for films by a run on videos and sentences: windows of a film are its clips.

The frames of a film go the way of the run's clips: the middle square, the frozen image encoder, the network over T
frames. Around each frame that is taken of a film stands a window of T frames, at the ends of the film moved inside it.
So there is an answer for each frame, as for images, and :mod:`mgutils.predict.files` writes both down alike.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps
from torch import nn

from mgutils.data.items import load_modality, read_clip_dataset
from mgutils.data.labels import Labels
from mgutils.data.pictures import Picture, in_batches
from mgutils.errors import ConfigError, data_error
from mgutils.predict.text_classes import TextClasses, load_text_classes
from mgutils.training.frames import encode_frames, open_encoder

SIDE = 112
"""Of the squares that an encoder looks at where nobody says which clips the run learned from, in pixels: that of the
clips of `mg import videos`."""
_Place = TypeVar("_Place")


@dataclass(frozen=True)
class FilmPredictor:
    """A run on videos and sentences, ready to answer for films: :class:`mgutils.predict.predictor.Predictor` for clips.

    Parameters
    ----------
    texts : TextClasses
        The run, with the texts that it answers with.
    encoder, look : nn.Module and int
        The frozen image encoder, and the side of the pictures that it wants, in pixels; 0: their own.
    side : int
        Of the squares that a film's frames become, in pixels.
    """

    texts: TextClasses
    encoder: nn.Module
    look: int
    side: int = SIDE

    @property
    def labels(self) -> Labels:
        """The C texts."""
        return self.texts.labels

    @property
    def labels_from(self) -> str:
        """Where they were found."""
        return self.texts.labels_from

    @property
    def path(self) -> Path:
        """The file of the weights."""
        return self.texts.path

    def stream(self, pictures: Iterable[Picture], batch_size: int = 64) -> Iterator[tuple[Picture, np.ndarray]]:
        """Each frame of one film with the probabilities (C,) of the window around it.

        Memory does not grow with the film: no more than a batch and a window of pictures are kept.

        Raises
        ------
        ConfigError
            If the batch is smaller than one.
        DataError
            If a picture is of no film.
        """
        if batch_size < 1:
            raise ConfigError(f"batch_size: found {batch_size}; wanted at least 1.")
        for picture, window in windows(self._encoded(pictures, batch_size), self.texts.frames):
            yield picture, self.texts.probabilities(np.stack(window))

    def _encoded(self, pictures: Iterable[Picture], batch_size: int) -> Iterator[tuple[Picture, np.ndarray]]:
        """Each frame with what the frozen encoder makes of it, (W,)."""
        for batch in in_batches(pictures, batch_size):
            for picture in batch:
                if picture.time is None:
                    raise data_error(picture.path, "a picture", "a film",
                                     "The run reads several frames in their order; of pictures, make a film first.")
            squares = np.stack([middle_square(picture.image, self.side) for picture in batch])
            yield from zip(batch, encode_frames(squares, self.encoder, self.look), strict=True)


def load_film_predictor(run_dir: Path | str, texts: Sequence[str] = (), clips: Path | str | None = None
                        ) -> FilmPredictor:
    """Make a predictor for films of a run on sentences and features of rgb.

    Parameters
    ----------
    run_dir, texts
        As :func:`mgutils.predict.text_classes.load_text_classes` takes them.
    clips : path, optional
        Of the clips that the run learned from; a film's frames then have the side of their pictures.

    Raises
    ------
    ConfigError, CheckpointError
        As there, and if the run reads joints, or its image encoder's weights are not at hand.
    """
    dataset = None if clips is None else read_clip_dataset(clips)
    found = load_text_classes(run_dir, texts, dataset)
    if not found.video.by:
        raise ConfigError(f"{run_dir}: found a run on {found.video.name}; wanted one on features of rgb for films. "
                          "`mg keypoints` makes a keypoints.npz of a film, which this run answers for.")
    side = SIDE if dataset is None else load_modality(dataset, found.video.of).shape[1]
    return FilmPredictor(found, *open_encoder(found.video.by), side)


def middle_square(image: Image.Image, side: int) -> np.ndarray:
    """The middle of a picture as a square of bytes (S, S, 3), as `mg import videos` cuts it."""
    return np.asarray(ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR))


def windows(frames: Iterable[tuple[_Place, np.ndarray]], size: int) -> Iterator[tuple[_Place, list[np.ndarray]]]:
    """The window of ``size`` frames around each frame of a stream; at the ends it is moved inside.

    Parameters
    ----------
    frames : iterable of (place, array)
        May be endless; ``size // 2`` frames ahead are read.
    size : int

    Yields
    ------
    place, list of array
        Of a stream that is shorter, all of it.

    Examples
    --------
    >>> [(place, window) for place, window in windows(zip("abcde", range(5)), 3)]
    [('a', [0, 1, 2]), ('b', [0, 1, 2]), ('c', [1, 2, 3]), ('d', [2, 3, 4]), ('e', [2, 3, 4])]
    """
    last: deque[np.ndarray] = deque(maxlen=size)
    waiting: deque[tuple[int, _Place]] = deque()
    for number, (place, frame) in enumerate(frames):
        last.append(frame)
        waiting.append((number, place))
        while waiting and number >= max(size, waiting[0][0] - size // 2 + size) - 1:
            yield waiting.popleft()[1], list(last)
    for _, place in waiting:
        yield place, list(last)
