"""What is said of clips and classes: the two files, six kinds of text, and damage."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgutils.config.derived import TextVectors
from mgutils.data.captions import descriptions
from mgutils.data.labels import Labels, imigue_labels
from mgutils.data.sentences import (
    CLASS_SENTENCES,
    SENTENCES,
    class_names,
    class_texts,
    damage,
    read_sentences,
    texts_of,
)
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError, DataError, MgError

NAMES = Labels(("nod ", "shake", "wave"))
CLASSES = [1, 1, 1, 1, 2, 2, 2, 3, 3, 1, 1, 2, 2, 3, 0]
TRAIN = np.arange(9)


def dataset(root: Path, labels: Labels = NAMES, classes=CLASSES) -> Dataset:
    """Clips 100, 101, ..."""
    frames = pd.DataFrame({"class_id": classes, "clip_id": np.arange(len(classes)) + 100})
    return Dataset(root, frames, labels)


@pytest.fixture
def said(tmp_path) -> Dataset:
    """Two sentences for each clip; nothing of the clip 101."""
    clips = dataset(tmp_path)
    rows = [f"{clip},{number},{'' if clip == 101 else f'clip {clip} says {number}'},me,the head of {clip}"
            for clip in clips.frames["clip_id"] for number in (2, 1)]
    (tmp_path / SENTENCES).write_text("\n".join(["clip_id,number,sentence,source,head", *rows]) + "\n")
    (tmp_path / CLASS_SENTENCES).write_text(
        "class_id,number,sentence,hands\n1,1,One nods.,a\n2,1,One shakes.,b\n3,2,It waves.,c\n3,1,One waves.,d\n")
    return clips


# -- the files ---------------------------------------------------------------------------------------


def test_sentences_are_sorted_clean_and_about_clips_of_the_dataset(said):
    file = said.root / SENTENCES
    file.write_text(file.read_text() + '100,3,"  two\n\t lines  ",,\n999,1,of another dataset,,\n')
    table = read_sentences(said)
    assert list(table) == ["clip_id", "number", "source", "sentence", "head"]
    assert table["clip_id"].is_monotonic_increasing and 999 not in set(table["clip_id"])
    assert table["number"].iloc[:4].tolist() == [1, 2, 3, 1]
    assert table["sentence"].iloc[2] == "two lines"
    assert (table["sentence"] == "").sum() == 2


@pytest.mark.parametrize(("row", "match"), [
    ("100,1,again", "number 1 again|1 again for clip_id 100"),
    ("100,0,zero", "at least|from 1"),
    ("100,x,no number", "whole number"),
    (",7,no clip", "whole number"),
    (f"100,7,{'long ' * 500}", "2,000"),
    ("100,7,bell \x07", "printed"),
])
def test_every_fault_of_a_row_is_named(said, row, match):
    file = said.root / SENTENCES
    file.write_text("clip_id,number,sentence\n100,1,first\n" + row + "\n")
    with pytest.raises(DataError, match=f"row 3.*({match})|({match})"):
        read_sentences(said)


def test_no_file_and_no_clip_of_the_dataset(tmp_path):
    with pytest.raises(DataError, match="no such file.*mg sentences"):
        read_sentences(dataset(tmp_path))
    (tmp_path / SENTENCES).write_text("clip_id,number,sentence\n1,1,elsewhere\n")
    with pytest.raises(DataError, match="1 other clips"):
        read_sentences(dataset(tmp_path))


def test_classes_have_their_sentences_else_descriptions_else_names(said, tmp_path):
    assert class_texts(said) == [["One nods."], ["One shakes."], ["One waves.", "It waves."]]
    assert class_texts(said, "hands") == [["a"], ["b"], ["d", "c"]]
    (tmp_path / CLASS_SENTENCES).unlink()
    assert class_texts(said) == [["Nod"], ["Shake"], ["Wave"]]
    assert class_names(said) == ["Nod", "Shake", "Wave"]
    assert class_texts(dataset(tmp_path, imigue_labels())) == [[text] for text in descriptions()]


@pytest.mark.parametrize(("rows", "part", "match"), [
    ("1,1,a\n2,1,b\n", "", "about class 3"),
    ("1,1,a\n2,1,b\n3,1,\n", "", "about class 3"),
    ("1,1,a\n2,1,b\n3,1,c\n4,1,d\n", "", "class 4"),
    ("1,1,a\n2,1,b\n3,1,c\n", "head", "no column 'head'"),
])
def test_faults_of_class_sentences(said, rows, part, match):
    (said.root / CLASS_SENTENCES).write_text("class_id,number,sentence\n" + rows)
    with pytest.raises(DataError, match=match):
        class_texts(said, part)


@given(st.binary(max_size=60), st.text(max_size=40), st.sampled_from([SENTENCES, CLASS_SENTENCES]))
@settings(max_examples=60, deadline=None)
def test_whatever_stands_there_only_our_errors(tmp_path_factory, noise, text, name):
    clips = dataset(tmp_path_factory.mktemp("fuzz"))
    head = b"clip_id,number,sentence,head\n" if name == SENTENCES else b"class_id,number,sentence,head\n"
    (clips.root / name).write_bytes(head + b"100,1,a,b\n" + text.encode("utf-8", "surrogatepass") + noise)
    for kind, part in (("sample", ""), ("other", "head"), ("class", ""), ("phrasings", "head")):
        try:
            assert len(texts_of(clips, TextVectors(text=kind, part=part, rate=0.5))) == len(clips)
        except MgError:
            continue


# -- six kinds ---------------------------------------------------------------------------------------


def test_texts_of_the_class_are_the_same_for_all_its_clips(said):
    assert texts_of(said, TextVectors(text="name"))[:5] == [["Nod"]] * 4 + [["Shake"]]
    assert texts_of(said, TextVectors(text="class"))[7] == ["One waves."]
    assert texts_of(said, TextVectors(text="phrasings"))[7] == ["One waves.", "It waves."]
    assert texts_of(said, TextVectors(text="name"))[-1] == []


def test_a_sample_has_its_own_sentences_or_none(said):
    texts = texts_of(said, TextVectors())
    assert texts[0] == ["clip 100 says 1", "clip 100 says 2"]
    assert texts[1] == []
    assert texts_of(said, TextVectors(part="head"))[1] == ["the head of 101"] * 2
    assert texts[-1] == ["clip 114 says 1", "clip 114 says 2"]


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_sentences_stay_in_their_class_and_on_their_side(said, seed):
    own, other = texts_of(said, TextVectors()), texts_of(said, TextVectors(text="shuffled", seed=seed), TRAIN)
    assert other == texts_of(said, TextVectors(text="shuffled", seed=seed), TRAIN)
    assert other[1] == []  # a silent clip stays silent
    group = [(class_id, row in TRAIN) for row, class_id in enumerate(CLASSES)]
    for key in set(group) - {(0, False)}:
        rows = [row for row in range(len(CLASSES)) if group[row] == key]
        assert sorted(own[row] for row in rows) == sorted(other[row] for row in rows)
        speaking = [row for row in rows if own[row]]
        if len(speaking) > 1:
            assert all(own[row] != other[row] for row in speaking)
    alone = group.index((3, False))
    assert other[alone] == own[alone]


@pytest.mark.parametrize("seed", range(4))
def test_another_class_gives_its_sentences_always_the_same_one(said, seed):
    own, other = texts_of(said, TextVectors()), texts_of(said, TextVectors(text="other", seed=seed), TRAIN)
    giver_of = {str(texts): (CLASSES[row], row in TRAIN) for row, texts in enumerate(own) if texts}
    pairs = {((CLASSES[row], row in TRAIN), giver_of[str(texts)])
             for row, texts in enumerate(other) if texts and CLASSES[row]}
    assert len(pairs) == 6  # one giver for each class and side
    for (class_id, trained), (giver, giver_trained) in pairs:
        assert class_id != giver and trained == giver_trained
    assert sorted(giver for (_, trained), (giver, _) in pairs if trained) == [1, 2, 3]
    assert other[-1] == []  # nobody knows its class


def test_a_class_that_is_left_out_gives_nothing_to_those_that_are_learned(said):
    train = np.array([0, 1, 2, 3, 4, 5, 6])  # without the class 3
    for seed in range(6):
        texts = texts_of(said, TextVectors(text="other", seed=seed), train)
        learned = {text for row in train for text in texts[row]}
        assert learned <= {f"clip {clip} says {number}" for clip in train + 100 for number in (1, 2)}


def test_frames_of_a_clip_share_its_sentences(said):
    twice = Dataset(said.root, said.frames.loc[said.frames.index.repeat(2)].reset_index(drop=True), NAMES)
    for kind in ("sample", "shuffled", "other", "class"):
        texts = texts_of(twice, TextVectors(text=kind))
        assert texts[::2] == texts[1::2] == texts_of(said, TextVectors(text=kind))


# -- damage ------------------------------------------------------------------------------------------

TEXT = "The left hand rests on the right ear, and both shoulders are high."


@pytest.mark.parametrize("kind", ["words", "side", "part", "empty", "all"])
def test_no_damage_at_rate_zero(kind):
    assert damage(TEXT, kind, 0.0, np.random.default_rng(0), "Ear") == TEXT


def test_each_kind_at_rate_one():
    rng = np.random.default_rng(0)
    assert damage(TEXT, "words", 1.0, rng) in TEXT.split()
    swapped = damage(TEXT, "side", 1.0, rng)
    assert swapped == "The right hand rests on the left ear, and both shoulders are high."
    assert damage(swapped, "side", 1.0, rng) == TEXT
    assert damage(TEXT, "empty", 1.0, rng, "Ear") == "Ear"
    for _ in range(20):
        part = damage(TEXT, "part", 1.0, rng)
        assert "right ear," not in part and " shoulders" not in part and "s are high." in part
    assert damage("upright", "side", 1.0, rng) == "upright"
    assert damage("", "words", 1.0, rng) == ""
    with pytest.raises(ConfigError, match="wanted words"):
        damage(TEXT, "noise", 1.0, rng)


def test_shares_of_what_is_lost():
    rng = np.random.default_rng(1)
    words = [len(damage(TEXT, "words", 0.3, rng).split()) for _ in range(500)]
    assert np.mean(words) / len(TEXT.split()) == pytest.approx(0.7, abs=0.02)
    assert np.mean([damage(TEXT, "side", 0.3, rng) != TEXT for _ in range(1000)]) == pytest.approx(0.3, abs=0.05)
    kinds = [damage(TEXT, "all", 1.0, rng, "Ear") for _ in range(800)]
    assert np.mean([text == "Ear" for text in kinds]) == pytest.approx(0.25, abs=0.05)


def test_damage_of_one_clip_does_not_depend_on_the_others(said):
    settings = TextVectors(rate=0.5, seed=3)
    few = Dataset(said.root, said.frames.iloc[[0, 4, 7]].reset_index(drop=True), NAMES)
    assert texts_of(few, settings) == [texts_of(said, settings)[row] for row in (0, 4, 7)]
    assert texts_of(said, settings) != texts_of(said, TextVectors(rate=0.5, seed=4))
    assert texts_of(said, TextVectors(damage="empty", rate=1.0))[0] == ["Nod", "Nod"]
