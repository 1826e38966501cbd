"""A CSV of videos as a dataset of clips: which frames, which rows, what is said, every fault, a kill."""

import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from video_files import make_sound, make_video, number_of, turn

from mgutils.cli import main
from mgutils.config.derived import TextVectors
from mgutils.data import video
from mgutils.data.importers import video_frames
from mgutils.data.importers.videos import import_videos
from mgutils.data.items import load_modality, read_clip_dataset
from mgutils.data.sentences import class_texts, read_sentences, texts_of
from mgutils.data.splits import available_splits
from mgutils.data.video import spread_frames
from mgutils.errors import ConfigError, DataError

DOCS = Path(__file__).resolve().parents[2] / "docs"
FRAMES = {"a.mp4": 50, "b.avi": 16, "deep/c.mkv": 5, "d.webm": 40}
HEADER = "path,class,description,group\n"
ROWS = {"a.mp4": "joy,She smiles broadly.,anna", "b.avi": 'anger,"He frowns, and his lips are thin.",ben',
        "deep/c.mkv": "joy,-,anna", "d.webm": "sadness,,carla"}


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    (folder / "deep").mkdir()
    for name, frames in FRAMES.items():
        make_video(folder / name, frames)
    return folder


@pytest.fixture
def table(films, tmp_path):
    """A copy of the videos with their table; the test may change it."""
    folder = tmp_path / "films"
    shutil.copytree(films, folder)
    return write(folder / "videos.csv", ROWS)


def write(file, rows, header=HEADER):
    file.write_text(header + "".join(f"{name},{rest}\n" for name, rest in rows.items()))
    return file


def run(table, name="out", **options):
    """Import with squashed pictures, on which the number of a frame can be read."""
    options = {"size": 64, "fit": "squash", "progress": False} | options
    return import_videos(table, table.parent.parent / name, **options)


def numbers(root):
    """The numbers on the frames of each clip."""
    dataset = read_clip_dataset(root)
    pixels = load_modality(dataset, "rgb")
    return [[number_of(Image.fromarray(pixels[place]).resize((64, 32))) for place in range(start, start + length)]
            for start, length in dataset.frames[["start", "length"]].itertuples(index=False)]


def middles(frames, count=16, rounding=0.0):
    """Places of the frames; times of a file may be late by a part of a frame."""
    spans = [int((place + 0.5) * frames / count + rounding) for place in range(count)]
    return spans if frames > count else list(range(frames))


def faults(table, **options):
    with pytest.raises(DataError) as error:
        run(table, **options)
    assert not (table.parent.parent / "out").exists()
    return error.value.faults


# -- which frames ------------------------------------------------------------------------------------------------------


def test_frames_are_the_middles_of_equal_parts_and_a_short_video_keeps_its_own(table):
    made = run(table)
    assert numbers(made.root) == [middles(frames) for frames in FRAMES.values()]
    assert made.clips == 4 and made.frames == 16 + 16 + 5 + 16


@contextmanager
def stream_of(times, monkeypatch):
    """A video whose pictures are their numbers, shown at some times."""
    @contextmanager
    def opened(path):
        yield None, None

    with monkeypatch.context() as patched:
        patched.setattr(video, "_opened", opened)
        patched.setattr(video, "_decoded", lambda *ignored: ((place, when, place) for place, when in enumerate(times)))
        patched.setattr(video, "_upright", lambda picture: picture)
        yield


@given(frames=st.integers(1, 600), count=st.integers(1, 20), rate=st.sampled_from([5.0, 25.0, 29.97]))
def test_any_length_is_cut_into_equal_parts_and_few_pictures_are_kept(frames, count, rate):
    shrunk = []
    with pytest.MonkeyPatch.context() as monkeypatch, stream_of([place / rate for place in range(frames)], monkeypatch):
        found = spread_frames("a", count, lambda picture: shrunk.append(picture) or picture)
    wanted = middles(frames, count, 0.002 * rate)
    assert len(found) == len(wanted) == min(frames, count) and found == sorted(found)
    if frames <= 8 * count:
        assert found == wanted
    assert all(0 <= right - got <= frames / count / 4 for got, right in zip(found, wanted, strict=True))
    assert len(shrunk) <= 8 * count * (2 + np.log2(max(frames / 8 / count, 1)))


def test_where_the_rate_varies_time_counts(monkeypatch):
    times = [*np.arange(10) / 100, *range(1, 5)]  # ten pictures in the first tenth of a second, then one each second
    with stream_of(times, monkeypatch):
        found = spread_frames("a", 4, lambda picture: picture)
    span = times[-1] * 14 / 13 / 4
    assert found == [max(place for place, when in enumerate(times) if when <= (part + 0.5) * span) for part in range(4)]
    assert found == [9, 10, 11, 12]


@pytest.mark.parametrize(("fit", "wanted"), [
    ("crop", lambda image: image.crop((16, 0, 48, 32))), ("squash", lambda image: image.resize((32, 32))),
    ("pad", lambda image: Image.new("RGB", (32, 32)))])
def test_a_picture_becomes_a_square(table, fit, wanted):
    root = run(table, fit=fit, size=32, frames=1).root
    picture = load_modality(read_clip_dataset(root), "rgb")[0]
    source = spread_frames(table.parent / "a.mp4", 1, lambda image: image)[0]
    expected = wanted(source)
    if fit == "pad":
        expected.paste(source.resize((32, 16)), (0, 8))
    assert picture.shape == (32, 32, 3) and np.abs(picture.astype(int) - np.asarray(expected)).mean() < 12


def test_a_telephone_s_video_is_turned_upright(table):
    turn(table.parent / "a.mp4", 2)
    root = run(table, frames=1).root
    upside = load_modality(read_clip_dataset(root), "rgb")[0]
    assert number_of(Image.fromarray(upside[::-1, ::-1]).resize((64, 32))) == 24  # of every eighth


# -- what the tables say -----------------------------------------------------------------------------------------------


def test_the_tables_say_what_the_csv_said(table):
    root = run(table).root
    dataset = read_clip_dataset(root)
    frames = dataset.frames
    assert dataset.labels.names == ("anger", "joy", "sadness") and frames["class_id"].tolist() == [2, 1, 2, 3]
    assert frames["subject_id"].tolist() == frames["video_id"].tolist() == [1, 2, 1, 3]
    assert pd.read_csv(root / "subjects.csv")["source"].tolist() == ["anna", "ben", "carla"]
    assert frames["name"].tolist() == ["a", "b", "deep/c", "d"] and "subject" in available_splits(dataset)
    sentences = read_sentences(dataset)
    assert sentences["sentence"].tolist() == ["She smiles broadly.", "He frowns, and his lips are thin.", "", ""]
    assert set(sentences["source"]) == {"videos.csv"}
    assert [len(said) for said in texts_of(dataset, TextVectors(text="sample"))] == [1, 1, 0, 0]
    assert class_texts(dataset) == [["Anger"], ["Joy"], ["Sadness"]]
    assert not (root / "not_imported.csv").exists()


def test_descriptions_and_groups_may_be_missing(table):
    write(table, {"a.mp4": "joy", "b.avi": "anger"}, "path,class\n")
    made = run(table)
    dataset = read_clip_dataset(made.root)
    assert not dataset.has_groups and not (made.root / "sentences.csv").exists() and made.notes == ()
    for option in ({"group": "who"}, {"description": "text"}):
        with pytest.raises(DataError, match="a column '(who|text)'"):
            run(table, "other", **option)


def test_columns_have_the_names_that_are_given(table):
    write(table, {"a": "7,x,1,none", "b": "8,y,2,none"}, "file,who,said,label,group\n".replace("file,", "id,"))
    frame = pd.read_csv(table).rename(columns={"id": "file"})
    frame["file"] = ["a.mp4", "b.avi"]
    frame.to_csv(table, index=False)
    dataset = read_clip_dataset(run(table, path="file", class_="label", description="said", group="who").root)
    assert dataset.frames["subject_id"].tolist() == [7, 8] and dataset.labels.names == ("1", "2")
    assert read_sentences(dataset)["sentence"].tolist() == ["x", "y"]


def test_classes_may_be_the_ids_of_a_table(table, tmp_path):
    write(table, {"a.mp4": "2", "b.avi": "Joy "}, "path,class\n")
    labels = tmp_path / "labels.csv"
    labels.write_text("id,name\n1,Joy\n2,Anger\n3,Fear\n")
    dataset = read_clip_dataset(run(table, labels=labels).root)
    assert dataset.frames["class_id"].tolist() == [2, 1] and dataset.labels.names == ("Joy", "Anger", "Fear")
    write(table, {"a.mp4": "4", "b.avi": "Joy"}, "path,class\n")
    (fault,) = _faults_of(table, labels)
    assert (fault.row, fault.column, fault.found, fault.wanted) == (2, "class", "'4'", "one of the 3 classes")


def _faults_of(table, labels):
    with pytest.raises(DataError) as error:
        run(table, "second", labels=labels)
    return error.value.faults


def test_numbers_as_classes_keep_their_order(table):
    write(table, {"a.mp4": "10", "b.avi": "2", "d.webm": "x"}, "path,class\n")
    dataset = read_clip_dataset(run(table).root)
    assert dataset.labels.names == ("2", "10", "x") and dataset.frames["class_id"].tolist() == [2, 1, 3]


def test_sentences_about_classes(table, tmp_path):
    file = tmp_path / "classes.csv"
    file.write_text("class,sentence,head\njoy,  The mouth  smiles.,x\nanger,The brows are low.,y\n"
                    "joy,The corners of the mouth rise.,z\n3,The eyes look down.,w\n")
    root = run(table, class_sentences=file).root
    dataset = read_clip_dataset(root)
    assert class_texts(dataset) == [["The brows are low."], ["The mouth smiles.", "The corners of the mouth rise."],
                                    ["The eyes look down."]]
    assert pd.read_csv(root / "class_sentences.csv")["number"].tolist() == [1, 1, 2, 1]
    assert class_texts(dataset, "head") == [["y"], ["x", "z"], ["w"]]


@pytest.mark.parametrize(("text", "said"), [
    ("class,sentence\njoy,a\nanger,b\n", "no sentence about 'sadness'"), ("class,sentence\nfear,a\n", "'fear'"),
    ("class\njoy\n", "a column 'sentence'"), ("class,sentence\njoy,\nanger,a\nsadness,b\n", "an empty cell")])
def test_faulty_sentences_about_classes(table, tmp_path, text, said):
    (tmp_path / "classes.csv").write_text(text)
    assert any(said in str(fault) for fault in faults(table, class_sentences=tmp_path / "classes.csv"))


# -- faults ------------------------------------------------------------------------------------------------------------


BAD = {"empty.mp4": b"", "text.mp4": b"no video at all" * 50, "none.mp4": None}


def spoil(table, **more):
    for name, content in BAD.items():
        if content is not None:
            (table.parent / name).write_bytes(content)
    make_sound(table.parent / "sound.mp4")
    rows = dict(list(ROWS.items())[:2]) | dict.fromkeys([*BAD, "sound.mp4"], "joy,Something.,dora") | more
    return write(table, rows)


def test_every_bad_video_is_told_by_its_row_before_any_is_read(table, monkeypatch):
    monkeypatch.setattr(video_frames, "spread_frames", None)
    found = faults(spoil(table))
    assert [(fault.row, fault.column, fault.wanted) for fault in found] == [
        (4, "path", "a whole video with pictures"), (5, "path", "a whole video with pictures"), (6, "path", "a video"),
        (7, "path", "a whole video with pictures")]
    assert [fault.found for fault in found] == [
        "an empty file at 'empty.mp4'", "no video that can be opened (InvalidDataError) at 'text.mp4'",
        "no file 'none.mp4'", "sound only at 'sound.mp4'"]
    assert all("leave out all such videos with --skip-bad" in fault.remedy for fault in found)
    assert [path.name for path in table.parent.parent.iterdir()] == ["films"]


def test_bad_videos_can_be_left_out(table):
    made = run(spoil(table, **{"d.webm": "sadness,She weeps.,carla"}), skip_bad=True)
    listed = pd.read_csv(made.root / "not_imported.csv")
    assert made.clips == 3 and listed["row"].tolist() == [4, 5, 6, 7]
    dataset = read_clip_dataset(made.root)
    assert dataset.frames["clip_id"].tolist() == [0, 1, 6] and dataset.frames["name"].tolist() == ["a", "b", "d"]
    assert read_sentences(dataset).set_index("clip_id")["sentence"][6] == "She weeps."


def test_all_bad_is_too_much(table):
    write(table, {"none.mp4": "joy,a,b"})
    assert faults(table, skip_bad=True)[0].found == "no file 'none.mp4'"


@pytest.mark.parametrize(("rows", "row", "column", "said"), [
    ({"../films/a.mp4": "joy,a,b"}, 2, "path", "a path inside"),
    ({"/etc/passwd": "joy,a,b"}, 2, "path", "a path inside"),
    ({"a.mp4": ",a,b"}, 2, "class", "a value in every row"), ({"a.mp4": "joy,a,"}, 2, "group", "a value in every row"),
    ({"a.mp4": "joy,a,b", "./a.mp4": "joy,a,b"}, 3, "path", "each video once"),
    ({"a.mp4": f"joy,{'x' * 2001},b"}, 2, "description", "at most 2,000 characters"),
    ({"a.mp4": "joy,a,b,c"}, 2, None, "4, as in the header")])
def test_faults_of_the_table(table, rows, row, column, said):
    found = faults(write(table, rows))
    assert any((fault.row, fault.column) == (row, column) and said in fault.wanted for fault in found)


@pytest.mark.parametrize("options", [{"frames": 0}, {"size": 0}, {"fit": "stretch"}])
def test_options_out_of_range(table, options):
    with pytest.raises(ConfigError):
        run(table, **options)


def test_a_place_that_is_taken_is_refused(table, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    with pytest.raises(ConfigError, match="wanted a name that is free"):
        run(table)


# -- stopped, and gone on ----------------------------------------------------------------------------------------------


def tree(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def cut_short(file):
    """A video whose beginning can be read."""
    file.write_bytes(file.read_bytes()[:int(file.stat().st_size * 0.6)])
    return file


def test_a_video_that_breaks_off_stops_the_import_at_its_end_and_the_rest_is_kept(table, monkeypatch):
    make_video(table.parent / "cut.avi", 400)
    whole = (table.parent / "cut.avi").read_bytes()
    cut_short(table.parent / "cut.avi")
    rows = dict(list(ROWS.items())[:2]) | {"cut.avi": "joy,a,b"} | dict(list(ROWS.items())[2:])
    (fault,) = faults(write(table, rows))
    assert fault.row == 4 and "at 'cut.avi'" in fault.found
    read, spread = [], video_frames.spread_frames
    monkeypatch.setattr(video_frames, "spread_frames",
                        lambda file, *rest: read.append(file.name) or spread(file, *rest))
    (table.parent / "cut.avi").write_bytes(whole)
    made = run(table)
    assert read == ["cut.avi"] and numbers(made.root)[:4] == [middles(frames) for frames in FRAMES.values()]
    dataset = read_clip_dataset(made.root)
    assert dataset.frames["clip_id"].tolist() == [0, 1, 3, 4, 2] and dataset.frames["name"].iloc[-1] == "cut"
    assert run(table, "again").clips == 5


def test_a_stopped_import_goes_on_and_ends_with_the_same_bytes(table, monkeypatch):
    wanted, spread = tree(run(table, "whole").root), video_frames.spread_frames
    read = []

    def stop(file, *rest):
        if file.name == "c.mkv":
            raise ZeroDivisionError
        return spread(file, *rest)

    def note(file, *rest):
        read.append(file.name)
        return spread(file, *rest)

    monkeypatch.setattr(video_frames, "spread_frames", stop)
    with pytest.raises(ZeroDivisionError):
        run(table)
    monkeypatch.setattr(video_frames, "spread_frames", note)
    assert tree(run(table).root) == wanted and sorted(read) == ["c.mkv", "d.webm"]


@pytest.mark.parametrize("damage", ["journal cut", "journal broken", "pictures cut", "journal gone", "pictures gone",
                                    "pictures longer"])
def test_whatever_a_kill_leaves_the_result_is_the_same(table, tmp_path, monkeypatch, damage):
    wanted, spread = tree(run(table, "whole").root), video_frames.spread_frames
    monkeypatch.setattr(video_frames, "spread_frames",
                        lambda file, *rest: spread(file if file.name != "d.webm" else file / "none", *rest))
    with pytest.raises(DataError):
        run(table)
    journal = tmp_path / ".out.partial" / ".making" / "taken.txt"
    pictures = tmp_path / ".out.partial" / "clips" / "rgb.npy"
    assert journal.read_text() == "0 16\n1 16\n2 5\n"
    if damage == "journal cut":
        journal.write_text("0 16\n1 16\n2")
    elif damage == "journal broken":
        journal.write_text("0 16\nx y z\n2 5\n")
    elif damage == "pictures cut":
        pictures.write_bytes(pictures.read_bytes()[:-64 * 64 * 3 - 1])
    elif damage == "pictures longer":
        pictures.write_bytes(pictures.read_bytes() + bytes(10**6))
    else:
        (journal if "journal" in damage else pictures).unlink()
    with pytest.raises(DataError):
        run(table)
    assert journal.read_text() == "0 16\n1 16\n2 5\n"
    monkeypatch.undo()
    assert tree(run(table).root) == wanted


def test_other_settings_begin_anew(table, monkeypatch):
    spread = video_frames.spread_frames
    monkeypatch.setattr(video_frames, "spread_frames",
                        lambda file, *rest: spread(file if file.name != "d.webm" else file / "none", *rest))
    with pytest.raises(DataError):
        run(table)
    monkeypatch.undo()
    assert tree(run(table, size=32).root) == tree(run(table, "whole", size=32).root)


@pytest.mark.slow
def test_a_killed_command_goes_on(tmp_path):
    for number in range(24):
        make_video(tmp_path / f"{number}.mp4", 150, size=(320, 240))
    table = write(tmp_path / "videos.csv", {f"{number}.mp4": "joy,a,b" for number in range(24)})
    def words(name):
        return [sys.executable, "-m", "mgutils", "import", "videos", str(table), str(tmp_path / name), "--size", "64"]

    process = subprocess.Popen(words("out"), stderr=subprocess.PIPE)
    journal = tmp_path / ".out.partial" / ".making" / "taken.txt"
    while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = journal.read_bytes()
    assert not (tmp_path / "out").exists() and before.count(b"\n") < 24
    subprocess.run(words("out"), check=True, capture_output=True)
    import_videos(table, tmp_path / "whole", size=64, progress=False)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert not list(tmp_path.glob(".*.partial"))


def test_the_lists_of_two_datasets_are_turned_as_the_page_says(table, tmp_path, monkeypatch):
    """Stand-ins of the form that their authors and others describe; the code is that of docs/videos.md."""
    first, second = re.findall(r"^```python\n(.*?)^```$", (DOCS / "videos.md").read_text(encoding="utf-8"),
                               re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    Path("single_label.txt").write_text(
        'a.mp4\tanger\t \u4e00\u4e2a\u7537\u4eba\u3002\t A man says "no", excitedly. The deep frown.\n'
        "b.avi\thappiness\t\u5973\u4eba\t\"Yes\n" "d.webm\tanger\n", encoding="utf-8")
    names = {}
    exec(first, names)
    dataset = read_clip_dataset(import_videos("mafw.csv", "mafw", videos_root=table.parent, size=16).root)
    assert dataset.labels.names == ("anger", "happiness")
    assert texts_of(dataset, TextVectors(text="sample")) == [
        ['A man says "no", excitedly. The deep frown.'], ['"Yes'], []]

    Path("EmoLabel_DataSplit/test(single-labeled)").mkdir(parents=True)
    Path("EmoLabel_DataSplit/test(single-labeled)/set_1.csv").write_text("video_name,label\n7,1\n12,7\n")
    for number in (7, 12):
        shutil.copy(table.parent / "a.mp4", table.parent / f"{number:05d}.mp4")
    emotions = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
    Path("emotions.csv").write_text("id,name\n" + "".join(f"{i},{name}\n" for i, name in enumerate(emotions, start=1)))
    exec(second, names)
    assert main(["import", "videos", "dfew.csv", "dfew", "--videos-root", str(table.parent), "--class", "label",
                 "--labels", "emotions.csv", "--size", "16"]) == 0
    assert read_clip_dataset("dfew").frames["class_id"].tolist() == [1, 7]


def test_the_command_says_what_it_made(table, capsys):
    out = table.parent.parent / "out"
    assert main(["import", "videos", str(table), str(out), "--frames", "4", "--size", "32"]) == 0
    said = capsys.readouterr().out
    assert "note: nothing is said of 2 of 4 clips: their sentence is empty" in said
    assert f"{out}: 4 clips of 3 classes, 16 frames (4 to 4 a clip), rgb, 3 subjects; splits: " in said
    assert main(["import", "videos", str(spoil(table)), str(out) + "2", "--skip-bad"]) == 0
    assert "not_imported.csv lists what was left out" in capsys.readouterr().out
    assert main(["import", "videos", str(table.parent / "no.csv"), str(out) + "3"]) == 2
