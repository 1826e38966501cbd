"""Videos frame by frame: order, times, turning, flat memory, and what is no video."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from video_files import BLOCK, CODECS, make_sound, make_video, number_of, turn

from mgutils.data.video import VideoInfo, frames_at, probe, read_frames
from mgutils.errors import ConfigError, DataError

UNEVEN = [0, 40, 80, 1000, 1040, 1080, 5000, 5033, 5066]  # milliseconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def video(folder) -> Path:
    """50 pictures, 2 seconds."""
    return make_video(folder / "even.mp4")


@pytest.fixture(scope="module")
def uneven(folder) -> Path:
    return make_video(folder / "uneven.mkv", len(UNEVEN), milliseconds=UNEVEN)


@pytest.mark.parametrize("suffix", CODECS)
def test_every_frame_comes_once_in_order_with_its_time(tmp_path, suffix):
    frames = list(read_frames(make_video(tmp_path / f"a{suffix}")))
    assert [frame.index for frame in frames] == list(range(50))
    assert [number_of(frame.image) for frame in frames] == list(range(50))
    assert [frame.time for frame in frames] == pytest.approx([i / 25 for i in range(50)], abs=1e-3)
    assert {(frame.image.mode, frame.image.size) for frame in frames} == {("RGB", (64, 32))}


def test_the_header_is_probed(video, uneven):
    assert probe(video) == VideoInfo(2.0, 25.0)
    assert probe(uneven).duration == pytest.approx(5.066, abs=0.05)


def sampled(times: list[float], rate: float) -> list[int]:
    """Slow twin: for each multiple of the step the first frame from there on, each once."""
    chosen = [next((i for i, time in enumerate(times) if time >= k / rate - 0.002), None)
              for k in range(int(times[-1] * rate) + 2)]
    return sorted({i for i in chosen if i is not None})


@pytest.mark.parametrize("rate", [0.3, 1, 2, 25 / 13, 7, 25, 100])
def test_a_rate_takes_the_first_frame_from_each_step_on(video, uneven, rate):
    assert [frame.index for frame in read_frames(video, rate)] == sampled([i / 25 for i in range(50)], rate)
    assert [number_of(frame.image) for frame in read_frames(uneven, rate)] == sampled(
        [time / 1000 for time in UNEVEN], rate)


def test_times_are_right_where_the_frame_rate_varies(uneven):
    assert [frame.time for frame in read_frames(uneven)] == pytest.approx([time / 1000 for time in UNEVEN], abs=2e-3)


def test_frames_at_times(video, uneven):
    assert [number_of(frame.image) for frame in frames_at(video, [0, 0, 0.04, 0.5, 0.5, 1.96, 3])] == [
        0, 0, 1, 13, 13, 49]
    assert [frame.index for frame in frames_at(uneven, [0.03, 0.04, 0.5, 0.9, 1.1, 7])] == [1, 1, 3, 3, 6]
    assert list(frames_at(video, [])) == []


@pytest.mark.parametrize(("quarters", "size", "corner"), [
    (0, (64, 32), (0, 1)), (1, (32, 64), (2, 0)), (2, (64, 32), (7, 2)), (3, (32, 64), (1, 7))])
def test_a_turned_video_stands_upright(tmp_path, quarters, size, corner):
    path = turn(make_video(tmp_path / "a.mp4", 3), quarters)
    image = next(read_frames(path)).image
    assert image.size == size
    x, y = (block * BLOCK + BLOCK // 2 for block in corner)
    red, green, blue = image.getpixel((x, y))
    assert red > 180 and green < 80 and blue < 80
    upright = image.rotate(90 * quarters, expand=True)
    assert number_of(upright) == 0 and np.asarray(upright.convert("L"))[BLOCK // 2, 2:62].max() < 60


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length(tmp_path):
    path = make_video(tmp_path / "long.mp4", 250, size=(640, 480))
    frames, process = read_frames(path), psutil.Process()
    for _ in range(50):
        next(frames)
    gc.collect()
    before = process.memory_info().rss
    assert sum(1 for _ in frames) == 200
    assert process.memory_info().rss - before < 60e6  # kept, 200 pictures would be 184e6


def test_decoding_may_stop_early(video):
    frames = read_frames(video)
    next(frames)
    frames.close()
    assert len(list(read_frames(video))) == 50


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[:int(path.stat().st_size * share)])
    return path


def long(path: Path, **options) -> Path:
    return make_video(path, 150, **options)


# name: (how to make the file, part of what was found)
BROKEN = {
    "absent": (lambda folder: folder / "a.mp4", "no such file"),
    "a folder": (lambda folder: folder, "a folder"),
    "empty": (lambda folder: (folder / "a.mp4").write_bytes(b"") or folder / "a.mp4", "an empty file"),
    "text": (lambda folder: (folder / "a.mp4").write_text("<html>" * 99) and folder / "a.mp4", "cannot|no video"),
    "an image": (lambda folder: Image.new("RGB", (9, 9)).save(folder / "a.mp4", "PNG") or folder / "a.mp4", "no video"),
    "play list": (lambda folder: (folder / "a.mp4").write_text(f"#EXTM3U\n#EXTINF:9,\n{long(folder / 'b.ts')}\n")
                  and folder / "a.mp4", "no video"),
    "no index": (lambda folder: cut(long(folder / "a.mp4"), 0.6), "no video"),
    "cut": (lambda folder: cut(long(folder / "a.mp4", options={"movflags": "faststart"}), 0.6), "damaged|decoded"),
    "cut mkv": (lambda folder: cut(long(folder / "a.mkv"), 0.6), "ends after"),
    "cut avi": (lambda folder: cut(long(folder / "a.avi"), 0.6), "damaged|decoded|no video|ends after"),
    "no frames": (lambda folder: make_video(folder / "a.mp4", 0), "no picture|no video"),
    "sound only": (lambda folder: make_sound(folder / "a.mp4"), "sound only"),
    "sound with a cover": (lambda folder: make_sound(folder / "a.mp4", cover=True), "sound only"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_whole_video_is_one_message(tmp_path, case):
    make, found = BROKEN[case]
    path = make(tmp_path)
    with pytest.raises(DataError, match=found) as caught:
        list(read_frames(path))
    fault, = caught.value.faults
    assert fault.file == str(path) and "\n" not in str(fault)
    assert found != "ends after" or 0 < len(list(frames_at(path, [0, 0.1])))


def test_settings_out_of_range(video):
    for rate in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="rate"):
            read_frames(video, rate)
