"""Videos and a label CSV in iMiGUE's format, made here, become a dataset and are read back."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import pytest
from label_files import HEADER, write_annotations
from PIL import Image
from test_video import cut
from video_files import make_video, number_of

from mgutils.cli import main
from mgutils.data.importers import imigue, import_imigue
from mgutils.data.importers.annotations import read_annotations
from mgutils.data.splits import SPLITS, TEST_SUBJECTS, TRAIN_SUBJECTS, available_splits, make_split
from mgutils.data.table import check_dataset, read_dataset
from mgutils.errors import ConfigError, DataError

# (video, start, end, class, subject): two gestures overlap, one lasts a frame, one is illustrative
ROWS = [(3, 0, 49, 1, 2), (3, 30, 90, 99, 2), (1, 10, 10, 20, 4), (12, 5, 60, 31, 1), (12, 60, 99, 99, 1),
        (7, 0, 24, 2, 3), (7, 50, 99, 20, 3), (1, 40, 77, 31, 4)]


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("official")
    for name in ("0001.mp4", "0003.mp4", "test/0007.mp4", "test/0012.mp4", "0099.mp4"):
        (folder / name).parent.mkdir(exist_ok=True)
        make_video(folder / name, 100)
    (folder / "notes.txt").write_text("no video")
    return folder


@pytest.fixture
def labels(tmp_path) -> Path:
    return write_annotations(tmp_path / "labels.csv", ROWS)


def tree(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(root.rglob("*")) if path.is_file()}


def expected(rate: float) -> list[tuple[int, int, int, int]]:
    """Slow twin: (clip, frame, class, number of the picture), by clip and frame."""
    found = []
    for clip, (_, start, end, class_id, _) in enumerate(ROWS):
        frame = 0
        while start + frame * 25 / rate <= end:
            found.append((clip, frame, 32 if class_id == 99 else class_id,
                          min(n for n in range(100) if n >= start + frame * 25 / rate - 1e-6)))
            frame += 1
    return found


@pytest.mark.slow
@pytest.mark.parametrize("rate", [2.0, 25 / 13, 25.0])
def test_the_pictures_are_those_of_the_annotated_moments(videos, labels, tmp_path, rate):
    root = import_imigue(videos, labels, tmp_path / "out", rate=rate, progress=False)
    check = check_dataset(root, decode=True, progress=False)
    assert check.faults == ()
    dataset = read_dataset(root)
    frames = dataset.frames
    shown = [number_of(Image.open(dataset.image_path(row))) for row in range(len(dataset))]
    assert list(zip(frames["clip_id"], frames["frame_id"], frames["class_id"], shown, strict=True)) == expected(rate)
    assert Image.open(dataset.image_path(0)).size == (64, 32)
    assert sorted(path.name for path in root.iterdir()) == ["Clip_label.csv", "clips.csv", "training"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.csv", "out"]


def test_video_and_subject_are_known_and_every_split_can_be_made(videos, labels, tmp_path):
    root = import_imigue(videos, labels, tmp_path / "out", rate=25, progress=False)
    clips = pd.read_csv(root / "clips.csv", index_col="clip_id")
    assert clips["video_id"].tolist() == [row[0] for row in ROWS]
    assert clips["subject_id"].tolist() == [row[4] for row in ROWS]
    assert clips["overlaps"].tolist() == [0, 1, 0, 0, 0, 0, 0, 0]
    assert clips["start_frame"].tolist() == [row[1] for row in ROWS]
    dataset = read_dataset(root)
    assert available_splits(dataset) == SPLITS
    split, subjects = make_split(dataset, "official"), dataset.frames["subject_id"].to_numpy()
    assert set(subjects[split.train]) == {2, 4} <= set(TRAIN_SUBJECTS)
    assert set(subjects[split.valid]) == {1, 3} <= set(TEST_SUBJECTS)


def test_the_bytes_depend_neither_on_the_workers_nor_on_the_run(videos, labels, tmp_path):
    first = import_imigue(videos, labels, tmp_path / "a", workers=1, progress=False)
    second = import_imigue(videos, labels, tmp_path / "b", workers=4, progress=False)
    assert tree(first) == tree(second)


def test_size(videos, labels, tmp_path):
    root = import_imigue(videos, labels, tmp_path / "out", size=32, progress=False)
    assert {Image.open(path).size for path in root.rglob("*.jpg")} == {(32, 16)}


KILLED = """
import os, signal, sys
from mgutils.data.importers import import_imigue, imigue
real, calls = imigue.frames_at, []
def frames_at(path, times):
    calls.append(path)
    for number, frame in enumerate(real(path, times)):
        if len(calls) == 3 and number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        yield frame
imigue.frames_at = frames_at
import_imigue(*sys.argv[1:4], workers=1, progress=False)
"""


def opened(monkeypatch) -> list[str]:
    """Names of the videos that are read from now on."""
    names, real = [], imigue.frames_at
    monkeypatch.setattr(imigue, "frames_at", lambda path, times: names.append(path.name) or real(path, times))
    return names


@pytest.mark.slow
def test_a_killed_import_goes_on_with_what_is_missing(videos, labels, tmp_path, monkeypatch):
    whole = import_imigue(videos, labels, tmp_path / "whole", progress=False)
    place = [str(videos), str(labels), str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", KILLED, *place], capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])})
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "out").exists()
    names = opened(monkeypatch)
    import_imigue(*place, workers=1, progress=False)
    assert names == ["0007.mp4", "0012.mp4"]
    assert tree(tmp_path / "out") == tree(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.csv", "out", "whole"]


@pytest.mark.parametrize("step", ["mgutils.data.importers.imigue.write_tables",
                                  "mgutils.data.importers.imigue.write_not_imported", "pathlib.Path.rename"])
def test_stopped_at_any_later_step_the_next_run_gives_the_same(videos, labels, tmp_path, monkeypatch, step):
    whole = import_imigue(videos, labels, tmp_path / "whole", progress=False)

    def stop(*_):
        raise KeyboardInterrupt
    damaged = write_damaged(videos, tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(step, stop)
        import_imigue(damaged, labels, tmp_path / "out", skip_bad=True, progress=False)
    assert not (tmp_path / "out").exists()
    assert tree(import_imigue(videos, labels, tmp_path / "out", progress=False)) == tree(whole)


def test_other_settings_start_anew(videos, labels, tmp_path, monkeypatch):
    damaged = write_damaged(videos, tmp_path)
    with pytest.raises(DataError):
        import_imigue(damaged, labels, tmp_path / "out", progress=False)
    names = opened(monkeypatch)
    root = import_imigue(videos, labels, tmp_path / "out", rate=1, progress=False)
    assert len(names) == 4
    assert tree(root) == tree(import_imigue(videos, labels, tmp_path / "other", rate=1, progress=False))


def write_damaged(videos: Path, tmp_path: Path) -> Path:
    """The videos, the seventh cut in the middle in a way that only decoding shows."""
    folder = tmp_path / "damaged"
    folder.mkdir()
    for file in videos.rglob("*.mp4"):
        (folder / file.name).symlink_to(file)
    (folder / "0007.mp4").unlink()
    cut(make_video(folder / "0007.mkv", 100), 0.5)
    return folder


def test_damage_found_late_keeps_what_was_read(videos, labels, tmp_path, monkeypatch):
    damaged = write_damaged(videos, tmp_path)
    with pytest.raises(DataError, match="0007.mkv: found a video that ends after .* kept for the next run"):
        import_imigue(damaged, labels, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()
    names = opened(monkeypatch)
    root = import_imigue(damaged, labels, tmp_path / "out", skip_bad=True, progress=False)
    assert names == ["0007.mkv"]
    dataset = read_dataset(root)
    assert set(dataset.frames["video_id"]) == {1, 3, 12}
    assert check_dataset(root, decode=True, progress=False).faults == ()
    assert not list(root.glob("training/2/*")), "the pictures of a video that is left out are removed"
    listed = pd.read_csv(root / "not_imported.csv")
    assert len(listed) == 1 and listed["file"][0].endswith("0007.mkv") and "ends after" in listed["found"][0]


def test_absent_and_unreadable_videos_stop_the_run_before_it_starts(videos, tmp_path, monkeypatch):
    labels = write_annotations(tmp_path / "labels.csv", [*ROWS, (55, 0, 9, 1, 9), (99, 0, 9, 1, 9)])
    folder = tmp_path / "some"
    folder.mkdir()
    for file in videos.rglob("*.mp4"):
        (folder / file.name).symlink_to(file)
    (folder / "0099.mp4").unlink()
    (folder / "0099.mp4").write_text("<html>")
    names = opened(monkeypatch)
    with pytest.raises(DataError) as caught:
        import_imigue(folder, labels, tmp_path / "out", progress=False)
    absent, html = caught.value.faults
    assert (absent.file, absent.row, absent.column) == (str(labels), 10, "video_id") and "0055.mp4" in absent.wanted
    assert html.file == str(folder / "0099.mp4")
    assert names == [] and sorted(path.name for path in tmp_path.iterdir()) == ["labels.csv", "some"]
    root = import_imigue(folder, labels, tmp_path / "out", skip_bad=True, progress=False)
    listed = pd.read_csv(root / "not_imported.csv", dtype="str", keep_default_na=False)
    assert listed["row"].tolist() == ["10", ""]
    assert read_dataset(root).frames["clip_id"].max() == 7


def test_gestures_behind_the_end_of_a_video_are_listed(videos, tmp_path):
    labels = write_annotations(tmp_path / "labels.csv", [(1, 80, 140, 1, 2), (1, 120, 140, 2, 2), (3, 0, 9, 3, 4)])
    root = import_imigue(videos, labels, tmp_path / "out", progress=False)
    assert read_dataset(root).frames["path"].tolist() == ["1/0.0.jpg", "1/0.1.jpg", "3/2.0.jpg"]
    assert pd.read_csv(root / "clips.csv")["clip_id"].tolist() == [0, 2]
    listed = pd.read_csv(root / "not_imported.csv")
    assert listed["row"].tolist() == [2, 3] and "before the end of clip 1" in listed["found"][1]
    write_annotations(labels, [(1, 120, 140, 2, 2)])
    with pytest.raises(DataError, match="before the end of clip 0"):
        import_imigue(videos, labels, tmp_path / "none", progress=False)


def line(**changes) -> str:
    values = dict(zip(HEADER.split(","), "1,0,0.0,0,1.0,25,5,2,F,Nowhere,win".split(","), strict=True)) | changes
    return ",".join(map(str, values.values()))


# name: (rows under the header, expected (row, column, part of what was found))
LABELS = {
    "class 0": ([line(), line(**{"class": 0})], [(3, "class", "'0'")]),
    "class 33": ([line(**{"class": 33})], [(2, "class", "'33'")]),
    "class is a word": ([line(**{"class": "jaw"})], [(2, "class", "'jaw'")]),
    "no subject": ([line(subject_id="")], [(2, "subject_id", "an empty cell")]),
    "negative start": ([line(start_frame=-1)], [(2, "start_frame", "'-1'")]),
    "half a frame": ([line(end_frame=2.5)], [(2, "end_frame", "'2.5'")]),
    "ends before it starts": ([line(), line(start_frame=26)], [(3, "end_frame", "25, before the start 26")]),
    "an age": ([line(end_frame=10**15)], [(2, "end_frame", "a gesture of")]),
    "two at once": ([line(**{"class": 32.5, "video_id": "x"})], [(2, "video_id", "'x'"), (2, "class", "'32.5'")]),
    "a comma too many": ([line(subject_nationality="a,b")], [(2, None, "12 fields")]),
    "no rows": ([], [(None, None, "no rows")]),
}


@pytest.mark.parametrize("case", LABELS)
def test_a_broken_label_file_is_listed_and_nothing_is_written(videos, tmp_path, case):
    rows, places = LABELS[case]
    (tmp_path / "labels.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    with pytest.raises(DataError) as caught:
        import_imigue(videos, tmp_path / "labels.csv", tmp_path / "out", progress=False)
    assert [(fault.row, fault.column) for fault in caught.value.faults] == [place[:2] for place in places]
    assert all(found in fault.found for fault, (*_, found) in zip(caught.value.faults, places, strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]


def test_numbers_written_as_fractions_and_the_byte_order_mark_are_read(tmp_path):
    (tmp_path / "labels.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([HEADER, line(**{"class": "99.0"})]).encode())
    annotations = read_annotations(tmp_path / "labels.csv")
    assert annotations["class_id"].tolist() == [32]


def test_overlaps_are_those_of_the_slow_twin(tmp_path):
    rng = np.random.default_rng(0)
    rows = [(int(video), int(start), int(start + length), 1, 2) for video, start, length in zip(
        rng.integers(0, 4, 60), rng.permutation(300)[:60], rng.integers(0, 20, 60), strict=True)]
    annotations = read_annotations(write_annotations(tmp_path / "labels.csv", rows))
    twin = [int(any(other[0] == row[0] and other[1] < row[1] < other[2] for other in rows)) for row in rows]
    assert 10 < sum(twin) < 50 and annotations["overlaps"].tolist() == twin


def test_one_import_at_a_time_two_files_for_a_video_and_bad_options(videos, labels, tmp_path):
    (tmp_path / ".out.partial/.making").mkdir(parents=True)
    with filelock.FileLock(tmp_path / ".out.partial/.making/lock"), pytest.raises(ConfigError, match="another process"):
        import_imigue(videos, labels, tmp_path / "out", progress=False)
    for options in ({"rate": 0}, {"rate": 26}, {"workers": 0}, {"size": 0}):
        with pytest.raises(ConfigError):
            import_imigue(videos, labels, tmp_path / "out", progress=False, **options)
    with pytest.raises(DataError, match="no such folder"):
        import_imigue(tmp_path / "none", labels, tmp_path / "out", progress=False)
    (tmp_path / "two").mkdir()
    for name in ("1.mp4", "v0001.avi"):
        (tmp_path / "two" / name).touch()
    with pytest.raises(DataError, match="video 1 again"):
        import_imigue(tmp_path / "two", labels, tmp_path / "out", progress=False)


def test_from_the_command_line(videos, labels, tmp_path, capsys):
    assert main(["import", "imigue", str(videos), str(labels), str(tmp_path / "out"), "--size", "48"]) == 0
    assert "official" in capsys.readouterr().out
    assert main(["import", "imigue", str(videos), str(videos / "notes.txt"), str(tmp_path / "other")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("mg: ") and "notes.txt" in error and "Traceback" not in error
