"""Videos, frame by frame: upright RGB pictures with their times, one or a few in memory at a time.

PyAV decodes; it is imported when the first video is opened. What becomes of the frames is the importers' and the
predictor's business.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mgutils.errors import ConfigError, DataError, MgError, data_error

if TYPE_CHECKING:
    import av
    from PIL import Image

_Small = TypeVar("_Small")

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts")
"""Files that are taken for videos."""
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts"
"""Containers that hold their pictures themselves. A play list does not: it would name other files to open."""
_MOST_PIXELS = 8192 * 8192  # of a picture; a header may promise any size
_ROUNDING = 0.002  # seconds; containers keep times in milliseconds
_KEPT = 8  # pictures in memory for each one that is wanted
_SHORTFALL = 1.0  # seconds that may be missing at the end: containers round, and sound may go on


@dataclass(frozen=True)
class Frame:
    """One picture of a video.

    Parameters
    ----------
    index : int
        0-based place among all pictures of the video, in the order in which they are shown.
    time : float
        Seconds after the first picture, as the file says; right where the frame rate varies.
    image : PIL.Image.Image
        RGB, turned upright.
    """

    index: int
    time: float
    image: Image.Image


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says, checked by decoding one picture.

    Parameters
    ----------
    duration : float or None
        Seconds; ``None`` where the header does not say.
    fps : float or None
        Mean frames per second.
    """

    duration: float | None
    fps: float | None


def probe(path: Path | str) -> VideoInfo:
    """Duration and frame rate of a video; one picture is decoded.

    Raises
    ------
    DataError
        If it is no video, or has no picture that can be decoded.
    ConfigError
        If PyAV is not installed.
    """
    path = Path(path)
    with _opened(path) as (container, stream):
        if next(_decoded(path, container, stream), None) is None:
            raise _fault(path, "no picture in the video")
        fps = stream.average_rate
        return VideoInfo(_duration(container, stream), float(fps) if fps else None)


def read_frames(path: Path | str, rate: float | None = None) -> Iterator[Frame]:
    """Frames of a video in the order in which they are shown; memory does not grow with its length.

    Parameters
    ----------
    path : path
        A video file.
    rate : float, optional
        Frames per second to take: for each multiple of ``1 / rate`` seconds the first frame from there on, each frame
        once. ``None``: all of them.

    Yields
    ------
    Frame

    Raises
    ------
    DataError
        If the video cannot be decoded to its end; frames before the fault have been yielded by then.
    ConfigError
        If the rate is not positive, or PyAV is not installed.
    """
    if rate is not None and not 0 < rate < float("inf"):
        raise ConfigError(f"rate: found {rate}; wanted more than 0 frames per second.")
    return _at_rate(Path(path), rate)


def frames_at(path: Path | str, times: Iterable[float]) -> Iterator[Frame]:
    """For each time, in seconds and rising, the first frame that is shown from there on.

    The same frame comes again where two times lie before it. Times after the last frame get none. Decoding stops when
    the last time is served, so a fault behind it is not found.

    Raises
    ------
    DataError
        As :func:`read_frames`.
    """
    path, wanted = Path(path), iter(times)
    due = next(wanted, None)
    if due is None:
        return
    with _opened(path) as (container, stream):
        for index, time, picture in _decoded(path, container, stream):
            if due > time + _ROUNDING:
                continue
            frame = Frame(index, time, _upright(picture))
            while due is not None and due <= time + _ROUNDING:
                yield frame
                due = next(wanted, None)
            if due is None:
                return


def spread_frames(path: Path | str, count: int, shrink: Callable[[Image.Image], _Small]) -> list[_Small]:
    """The frames that are shown in the middle of each of ``count`` equal spans of a video.

    All of it is decoded, once. How long it is shows at its end only, so every second, fourth, ... picture is kept on
    the way: of a video with more than ``8 * count`` pictures a frame may stand before the middle of its span, by a
    quarter of the span at most.

    Parameters
    ----------
    path : path
        A video file.
    count : int
    shrink : callable
        What becomes of an upright picture before it is kept in memory.

    Returns
    -------
    list
        ``count`` shrunk pictures; all of a video that has fewer.

    Raises
    ------
    DataError, ConfigError
        As :func:`read_frames`.
    """
    path, step, index, last = Path(path), 1, 0, 0.0
    times: list[float] = []
    kept: list[_Small] = []
    with _opened(path) as (container, stream):
        for index, last, picture in _decoded(path, container, stream):
            if index % step:
                continue
            times.append(last)
            kept.append(shrink(_upright(picture)))
            if len(kept) > _KEPT * count:
                times, kept, step = times[::2], kept[::2], 2 * step
    if index < count:
        return kept
    span = last * (index + 1) / index / count  # the last picture is shown for as long as the others were
    return [kept[max(bisect_right(times, (place + 0.5) * span + _ROUNDING) - 1, 0)] for place in range(count)]


def _at_rate(path: Path, rate: float | None) -> Iterator[Frame]:
    due = 0
    with _opened(path) as (container, stream):
        for index, time, picture in _decoded(path, container, stream):
            if rate is None:
                yield Frame(index, time, _upright(picture))
            elif (time + _ROUNDING) * rate >= due:
                yield Frame(index, time, _upright(picture))
                due = int((time + _ROUNDING) * rate) + 1


def _upright(picture: av.VideoFrame) -> Image.Image:
    """RGB, with the rotation that the file asks for (degrees counterclockwise)."""
    image = picture.to_image()
    return image.rotate(picture.rotation, expand=True) if picture.rotation else image


def _decoded(path: Path, container: av.container.InputContainer,
             stream: av.video.stream.VideoStream) -> Iterator[tuple[int, float, av.VideoFrame]]:
    """Index, time and picture; a fault where the video stops before its declared end."""
    import av

    index, start, end = 0, None, 0.0
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise _fault(path, f"damaged data after {end:.1f} s")
            for picture in packet.decode():
                time = picture.time if picture.time is not None else index / float(stream.average_rate or 25)
                start = time if start is None else start
                yield index, time - start, picture
                index, end = index + 1, time - start + float((picture.duration or 0) * picture.time_base)
    except (av.FFmpegError, MemoryError) as error:
        raise _fault(path, f"a video that cannot be decoded after {end:.1f} s ({type(error).__name__})") from None
    if not index:
        raise _fault(path, "no picture in the video")
    declared = _duration(container, stream)
    if declared is not None and end < declared - _SHORTFALL:
        raise _fault(path, f"a video that ends after {end:.1f} of {declared:.1f} s")


def _duration(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> float | None:
    """Seconds of pictures that the header promises; another stream's length says nothing about them."""
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)  # its duration is put right to fit a file that was cut
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration and len(container.streams) == 1 else None


@contextmanager
def _opened(path: Path) -> Iterator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    """The container and its first real video stream."""
    try:
        import av
    except ImportError:
        raise ConfigError(f"{path}: found no PyAV to read the video with. Install it: pip install 'mgutils[video]'."
                          ) from None
    if not path.is_file():
        raise _fault(path, "a folder" if path.is_dir() else "no such file")
    if not path.stat().st_size:
        raise _fault(path, "an empty file")
    try:  # a title in an old encoding is no reason to refuse a video; PyAV 19 has come to think so too
        lenient = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
        container = av.open(str(path.absolute()), options={"format_whitelist": _FORMATS}, **lenient)
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        raise _fault(path, f"no video that can be opened ({type(error).__name__})") from None
    with container:
        try:
            yield container, _first_stream(path, container)
        except MgError:
            raise
        except Exception as error:  # PyAV raises whatever damaged times, sizes and codecs make it raise
            raise _fault(path, f"a video that cannot be decoded ({type(error).__name__})") from None


def _first_stream(path: Path, container: av.container.InputContainer) -> av.video.stream.VideoStream:
    """The first stream of moving pictures, if its pictures are of a sensible size."""
    streams = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not streams:
        raise _fault(path, "sound only" if container.streams.audio else "no video stream")
    stream = streams[0]
    if stream.width * stream.height > _MOST_PIXELS:
        raise _fault(path, f"pictures of {stream.width} x {stream.height}")
    stream.thread_type = "AUTO"
    return stream


def _is_cover(stream: av.video.stream.VideoStream) -> bool:
    """Whether the stream is the cover picture of a piece of music."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _fault(path: Path, found: str) -> DataError:
    return data_error(path, found, "a whole video with pictures",
                      "Copy the video again, or convert it with a video tool and look whether it plays to its end.")
