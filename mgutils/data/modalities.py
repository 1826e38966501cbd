"""Read several modalities of the same clips: one choice of frames, and one augmentation for all.

What a clip shows in one modality must be where it is in the others. So the moments are chosen once
for each clip, and so are the turn, the scale and the shift; pictures and joints are moved by the
same numbers. Nothing is ever mirrored: a left hand is no right hand. The original drew the crop and
the flip anew for each modality, so that a hand on the left of the colour picture could be on the
right of the infrared one; ``shared=False`` does that to the shift, the scale and the turn.

A modality that a clip lacks is marked as such, and its zeros must never count. Of what is said of a
clip one sentence is read: any of them in training, the middle one in a test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from mgutils.data.items import choose_frames, load_modality, present
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError

DEGREES = 8.0
"""Most by which a clip is turned."""
SCALE = 0.1
"""Most by which it is enlarged or reduced, as a fraction."""
SHIFT = 0.06
"""Most by which it is moved right and down, as a fraction of the picture's height."""
PICTURES = ("rgb", "depth", "infrared")
JOINTS = ("joints", "truth")


def depth_as_float(millimetres: ndarray) -> ndarray:
    """Metres, float32, of 16-bit millimetres, for figures and for networks of one's own.

    Not by way of 8 bits: Pillow's ``convert("L")`` cuts 16-bit values off at 255, and in millimetres
    all that is farther away than 25.5 cm becomes the same white.

    Raises
    ------
    ConfigError
        If the values are bytes: what was cut off does not come back.
    """
    if millimetres.dtype != np.uint16:
        raise ConfigError(
            f"depth: found values of {millimetres.dtype}; wanted uint16, millimetres. Read the 16-bit "
            "file as it is, without `convert`.")
    return millimetres.astype(np.float32) / 1000


# -- what is drawn for a batch ---------------------------------------------------------------------


class Draw(NamedTuple):
    """The random numbers of one reading of some clips."""

    moments: ndarray
    """(B, T) where in its segment each frame is taken, see :func:`choose_frames`."""
    changes: Mapping[str, ndarray]
    """Modality -> (B, 4) turn, scale, right and down, each in -1..1; 0 changes nothing."""
    sentences: ndarray
    """(B, 1) which of its sentences is read of each clip: 0 is the first, 1 the last (not reached)."""


def draw_clips(names: Sequence[str], clips: int, frames: int, rng: np.random.Generator,
               shared: bool = True) -> Draw:
    """Draw the moments and the augmentation of some clips.

    Parameters
    ----------
    names : sequence of str
        Modalities.
    clips, frames : int
        B and T.
    rng : numpy Generator
    shared : bool
        Move all modalities of a clip alike. Without it each has numbers of its own, as in the original.
    """
    moments = rng.random((clips, frames))
    if shared:
        alike = rng.uniform(-1, 1, (clips, 4))
        changes = dict.fromkeys(names, alike)
    else:
        changes = {name: rng.uniform(-1, 1, (clips, 4)) for name in names}
    return Draw(moments, changes, rng.random((clips, 1)))


def middle(names: Sequence[str], clips: int, frames: int) -> Draw:
    """The draw of a test: the middle of each segment, and nothing moved."""
    return Draw(np.full((clips, frames), 0.5), {name: np.zeros((clips, 4)) for name in names}, np.full((clips, 1), 0.5))


# -- what is made of clips -------------------------------------------------------------------------


@dataclass(frozen=True)
class MadeRows:
    """A modality that was made of others, or of sentences: its rows have an order and places of their own.

    Parameters
    ----------
    array : ndarray (U, ...)
        Different rows, such as one for each different sentence.
    rows : ndarray (R,)
        Which of them follow each other: those of the first clip, of the second, and so on.
    length : ndarray (N,)
        How many each clip has; one with 0 lacks the modality.
    sentences : bool
        They are sentences, of which one is read, and not frames.
    asked : MadeRows, optional
        Of sentences: those about the C classes, in place of clips, with which a video is asked.
    """

    array: ndarray
    rows: ndarray
    length: ndarray
    sentences: bool = False
    asked: MadeRows | None = None

    @property
    def start(self) -> ndarray:
        """(N,) place of each clip in ``rows``."""
        return np.cumsum(self.length) - self.length

    @property
    def pieces(self) -> Iterator[ndarray]:
        """All that a run reads of it, a few thousand rows at a time."""
        yield self.length
        for rows in np.array_split(self.rows, len(self.rows) // 4096 + 1):
            yield self.array[rows]
        if self.asked is not None:
            yield from self.asked.pieces

    def of(self, clips: ndarray) -> ndarray:
        """All rows of some clips, one after the other."""
        wanted = np.isin(np.repeat(np.arange(len(self.length)), self.length), clips)
        return self.array[self.rows[wanted]]

    def read(self, clips: ndarray, frames: int, draw: Draw) -> ndarray:
        """T frames of some clips, or one sentence: (B, T, ...) or (B, 1, ...). What a clip lacks means nothing."""
        length = self.length[clips]
        chosen = (1, draw.sentences) if self.sentences else (frames, draw.moments)
        index, _ = choose_frames(length, *chosen)
        places = np.where(length[:, None] > 0, self.start[clips, None] + index, 0)
        return np.asarray(self.array[self.rows[places]])


# -- the reader ------------------------------------------------------------------------------------


class Clips(NamedTuple):
    """Some clips as networks read them."""

    inputs: dict[str, ndarray]
    """Modality -> (B, T, ...), in the type and units of the file."""
    present: dict[str, ndarray]
    """Modality -> (B,) bool: the clips that have it. Where it is False the input is zero."""


@dataclass(frozen=True)
class ModalityReader:
    """Reads T frames of several modalities of the same clips.

    Bytes stay bytes and millimetres millimetres; a network scales what it reads. A modality of another
    name than the studio's is read and not moved: nobody said what a turn does to it.

    Parameters
    ----------
    arrays : mapping
        Modality to the frames of all clips, or to what was made of clips.
    start, length : ndarray (N,)
        Place of each clip in the frames.
    present : mapping
        Modality to (N,) bool.
    frames : int
        T.
    """

    arrays: Mapping[str, ndarray | MadeRows]
    start: ndarray
    length: ndarray
    present: Mapping[str, ndarray]
    frames: int

    @classmethod
    def open(cls, dataset: Dataset, names: Sequence[str], frames: int) -> ModalityReader:
        """Reader of a folder of clips.

        Raises
        ------
        DataError
            If there is no array of that name, or it does not fit the table.
        """
        return cls.over(dataset, {name: load_modality(dataset, name) for name in names}, frames)

    @classmethod
    def over(cls, dataset: Dataset, arrays: Mapping[str, ndarray | MadeRows], frames: int) -> ModalityReader:
        """Reader of arrays that are loaded already."""
        return cls(
            arrays=arrays,
            start=dataset.frames["start"].to_numpy(),
            length=dataset.frames["length"].to_numpy(),
            present={name: array.length > 0 if isinstance(array, MadeRows) else present(dataset, name)
                     for name, array in arrays.items()},
            frames=frames,
        )

    def __call__(self, rows: ndarray, draw: Draw) -> Clips:
        """Read clips at the moments drawn, moved as drawn."""
        index, _ = choose_frames(self.length[rows], self.frames, draw.moments)
        places = self.start[rows, None] + index  # (B, T)
        inputs = {}
        there = {}
        for name, array in self.arrays.items():
            there[name] = self.present[name][rows]
            if isinstance(array, MadeRows):
                frames = array.read(rows, self.frames, draw)
            else:
                frames = np.asarray(array[places])  # (B, T, ...)
            frames[~there[name]] = 0  # whatever stands there is nothing that was seen
            if name in PICTURES:
                frames = move_pictures(frames, draw.changes[name])
            elif name in JOINTS:
                frames = move_joints(frames, draw.changes[name])
            inputs[name] = frames
        return Clips(inputs, there)


# -- one movement for pictures and joints ----------------------------------------------------------


def _matrix(changes: ndarray) -> tuple[ndarray, ndarray]:
    """Turn and scale (B, 2, 2) round the middle of the picture, and shift (B, 2), of numbers in -1..1."""
    angle = np.radians(DEGREES) * changes[:, 0]
    zoom = 1 + SCALE * changes[:, 1]
    first = np.stack([np.cos(angle), -np.sin(angle)], axis=1)
    second = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return zoom[:, None, None] * np.stack([first, second], axis=1), SHIFT * changes[:, 2:]


def move_joints(joints: ndarray, changes: ndarray) -> ndarray:
    """Turn, scale and shift joints (B, T, 22, 3) by (B, 4) numbers; missing ones stay 0, 0, 0."""
    matrix, shift = _matrix(changes)
    moved = np.einsum("bij,btkj->btki", matrix, joints[..., :2] - 0.5) + 0.5 + shift[:, None, None]
    seen = joints[..., 2:] > 0
    return np.concatenate([np.where(seen, moved, 0), joints[..., 2:]], axis=3).astype(np.float32)


def move_pictures(pictures: ndarray, changes: ndarray) -> ndarray:
    """Turn, scale and shift pictures (B, T, S, S, ...) by (B, 4) numbers, in their own type.

    Each pixel takes the value of the one pixel that it comes from; beyond the edge, the last one.
    Nothing is averaged, as half way between a hand at 1.2 m and a wall at 2.6 m there is nothing.
    """
    count, times, side = pictures.shape[:3]
    matrix, shift = _matrix(changes)
    centres = (np.arange(side) + 0.5) / side
    x, y = np.meshgrid(centres, centres)
    target = np.stack([x.ravel(), y.ravel()], axis=1)  # (S * S, 2), in units of the side

    # back from where a pixel is shown to where it was: the inverse of what joints undergo
    offset = target - 0.5 - shift[:, None]  # (B, S * S, 2)
    source = offset @ np.linalg.inv(matrix).swapaxes(1, 2) + 0.5
    column, row = np.clip(source * side, 0, side - 1).astype(np.int64).transpose(2, 0, 1)
    pixel = row * side + column  # (B, S * S)

    # clip by clip, as `take` is several times as fast as one index with three arrays
    flat = pictures.reshape(count, times, side * side, *pictures.shape[4:])
    moved = np.empty_like(flat)
    for clip in range(count):
        moved[clip] = flat[clip].take(pixel[clip], axis=1)
    return moved.reshape(pictures.shape)
