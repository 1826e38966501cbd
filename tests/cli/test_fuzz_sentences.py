"""Broken videos, lists of videos and files of sentences: read, or refused by the project's own error; nothing is left.

The sidecars are those of the fourth system: ``sentences.csv``, ``class_sentences.csv``, and the journal of
`mg caption`, which is no error however broken it is.
"""

from __future__ import annotations

import csv
import io
import random
import shutil
import time

import pytest
from broken_files import damage, faults_of, tables
from clip_folders import make_clip_folder
from hypothesis import HealthCheck, given, settings
from video_files import make_video

from mgutils.config.captioner import CaptionConfig
from mgutils.config.derived import TextVectors
from mgutils.data.importers.videos import import_videos
from mgutils.data.items import read_clip_dataset
from mgutils.data.sentences import class_texts, read_sentences, texts_of
from mgutils.errors import MgError
from mgutils.predict.captions import JOURNALS, caption

INPUTS = {"mp4": 40, "mkv": 15, "avi": 15, "videos": 50, "classes": 30, "sentences": 40, "class_sentences": 30,
          "journal": 10}
"""Damaged files of each kind, 230 in all."""
EXAMPLES = {"videos": 60, "sentences": 60, "class_sentences": 40}
SECONDS = 20
"""What one of them may take, on a machine that does something else as well."""
TABLES = {
    "videos": "path,class,description,group\na.mp4,joy,She smiles.,anna\n1,anger,\"He frowns, and looks away.\",ben\n",
    "classes": "class,sentence,head\njoy,The mouth smiles.,up\nanger,The brows are low.,down\njoy,She laughs.,up\n",
    "sentences": "clip_id,number,sentence,source,head\n0,1,The left hand is at the chin.,me,up\n0,2,,me,\n"
                 "1,1,\"Arms, folded.\",me,down\n3,1,\u2028 A\u0301 hand.,me,\n",
    "class_sentences": "class_id,number,sentence\n1,1,The chin is low.\n2,1,The arms are folded.\n3,1,A hand.\n"
                       "4,1,Both hands.\n2,2,Folded arms.\n",
}


def few(name):
    return settings(max_examples=EXAMPLES[name], deadline=None, derandomize=True, database=None,
                    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Videos of each container; one is called by a number, as hypothesis may call one."""
    folder = tmp_path_factory.mktemp("films")
    for name in ("a.mp4", "a.mkv", "a.avi"):
        make_video(folder / name, 12)
    shutil.copy(folder / "a.mp4", folder / "1")
    for kind in ("videos", "classes"):
        (folder / f"{kind}.csv").write_text(TABLES[kind], encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = make_clip_folder(tmp_path_factory.mktemp("clips") / "clips", clips=8, lacks=False)
    for kind in ("sentences", "class_sentences"):
        (root / f"{kind}.csv").write_text(TABLES[kind], encoding="utf-8")
    return root


def import_all(folder, out, skip_bad=False):
    """Import the list in a folder, and read what was made."""
    import_videos(folder / "videos.csv", out, class_sentences=folder / "classes.csv", frames=4, size=16,
                  skip_bad=skip_bad, progress=False)
    dataset = read_clip_dataset(out)
    class_texts(dataset)
    if (out / "sentences.csv").exists():
        texts_of(dataset, TextVectors(text="sample"))


def read_all(dataset):
    """Read both files in each of the ways that a run does."""
    read_sentences(dataset)
    for kind in ("sample", "shuffled", "other"):
        said = texts_of(dataset, TextVectors(text=kind, rate=0.5))
        assert len(said) == len(dataset) and all(text for of_clip in said for text in of_clip)
    assert all(of_class[0] for of_class in class_texts(dataset))


def ask(pictures, seed):
    return [["a hand", "", "an arm"]] * len(pictures)


ODD = ["", " ", "-", "0", "-1", "99", "1e3", "9" * 30, "joy", "a.mp4", "../a.mp4", "/etc/passwd", "1/", "\x00", "\x1f",
       "\u2028", "\ufeff", "=1+1", "'", '"', "x" * 3000, "a\nb", "\U0001f44d", "path", "1", "2"]


def spoil(file, draw):
    """Bytes changed, or some cells."""
    content = file.read_bytes()
    if file.suffix != ".csv" or draw.random() < 0.3:
        file.write_bytes(damage(content, draw))
        return
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    for _ in range(draw.choice([1, 1, 2, 5])):
        row = draw.choice(rows)
        row[draw.randrange(len(row))] = draw.choice(ODD)
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows * draw.choice([1, 1, 1, 2]))


def broken(kind, films, clips, draw, folder):
    """Spoil one file in a copy of all of them; returns what reads it."""
    home, root = (shutil.copytree(source, folder / source.name) for source in (films, clips))
    if kind == "journal":
        caption(root, CaptionConfig("a"), ask, replace=True, progress=False)
        (file,) = (root / JOURNALS).glob("*.jsonl")
        spoil(file, draw)

        def again():
            caption(root, CaptionConfig("a"), ask, progress=False)
            assert set(read_sentences(read_clip_dataset(root))["clip_id"]) <= set(range(8))

        return again
    if kind in ("sentences", "class_sentences"):
        file = root / f"{kind}.csv"
        spoil(file, draw)
        return lambda: read_all(read_clip_dataset(root))
    file = home / (f"{kind}.csv" if kind in TABLES else f"a.{kind}")
    spoil(file, draw)
    if kind in ("mkv", "avi"):
        table = home / "videos.csv"
        table.write_text(table.read_text().replace("a.mp4", f"a.{kind}"))
    return lambda: import_all(home, folder / "out", skip_bad=draw.random() < 0.3)


@pytest.mark.parametrize("part", [10, pytest.param(1, marks=pytest.mark.slow)], ids=["sample", "all"])
@pytest.mark.parametrize("kind", INPUTS)
def test_a_damaged_file_is_read_or_refused_in_time(tmp_path, films, clips, kind, part):
    draw, refused = random.Random(kind), 0
    for number in range(INPUTS[kind] // part):
        folder = tmp_path / str(number)
        read = broken(kind, films, clips, draw, folder)
        before = time.perf_counter()
        try:
            read()
        except MgError as error:
            assert kind != "journal" and str(error)
            assert not (folder / "out").exists()
            refused += 1
        assert time.perf_counter() - before < SECONDS, number
        shutil.rmtree(folder)
    assert refused or kind == "journal" or part > 1


def test_the_damaged_files_are_two_hundred():
    assert sum(INPUTS.values()) >= 200


@pytest.mark.slow
@given(content=tables(("path", "class", "description", "group")))
@few("videos")
def test_a_list_of_videos(tmp_path, films, content):
    home = shutil.copytree(films, tmp_path / "films")
    (home / "videos.csv").write_bytes(content)
    (home / "classes.csv").unlink()

    def read():
        import_videos(home / "videos.csv", tmp_path / "out", frames=2, size=16, progress=False)
        read_clip_dataset(tmp_path / "out")
        if (tmp_path / "out" / "sentences.csv").exists():
            read_sentences(read_clip_dataset(tmp_path / "out"))

    assert (tmp_path / "out").exists() != bool(faults_of(read))
    for entry in tmp_path.iterdir():
        shutil.rmtree(entry)


@pytest.mark.slow
@given(content=tables(("clip_id", "number", "sentence", "source", "head")))
@few("sentences")
def test_sentences(clips, content):
    before = (clips / "sentences.csv").read_bytes()
    (clips / "sentences.csv").write_bytes(content)
    faults_of(lambda: read_all(read_clip_dataset(clips)))
    (clips / "sentences.csv").write_bytes(before)


@pytest.mark.slow
@given(content=tables(("class_id", "number", "sentence", "hands")))
@few("class_sentences")
def test_sentences_about_classes(clips, content):
    before = (clips / "class_sentences.csv").read_bytes()
    (clips / "class_sentences.csv").write_bytes(content)
    faults_of(lambda: read_all(read_clip_dataset(clips)))
    (clips / "class_sentences.csv").write_bytes(before)
