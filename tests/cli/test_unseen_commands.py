"""`mg zero-shot` and `mg retrieve` on a run of videos and sentences."""

import numpy as np
import pandas as pd
import pytest
from clip_folders import config, make_clip_folder
from told_clips import make_told_clips, told_config

from mgutils.cli import main
from mgutils.config import Pair, SpaceConfig
from mgutils.data.items import read_clip_dataset
from mgutils.evaluation.questions import reported_clips
from mgutils.evaluation.unseen import generalized
from mgutils.evaluation.video_text import answers, own_clips, text_alone
from mgutils.metrics.intervals import accuracy
from mgutils.training.store import train_all

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_told_clips(tmp_path_factory.mktemp("told") / "clips")


@pytest.fixture(scope="module")
def runs(place, tmp_path_factory):
    """A run that left classes out, and one without sentences."""
    store = tmp_path_factory.mktemp("store")
    wanted = [told_config(), config(SpaceConfig((Pair("depth", "joints"),), width=8, frames=4))]
    return train_all(wanted, place, store, jobs=1, progress=False)


@pytest.fixture
def ask(runs, place, tmp_path, capsys):
    """``ask(command, *options, run=0)``: status, what is printed, and the error; tables go to the test's folder."""
    def of(command, *options, run=0, root=place):
        status = main([command, str(runs[run].directory), str(root), *options, "--out-dir", str(tmp_path)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err
    return of


def test_zero_shot_prints_and_writes_what_the_functions_say(ask, runs, place, tmp_path):
    status, out, _ = ask("zero-shot", "--windows", "3")
    assert status == 0 and "dealt out" in out and "3 draws of a random window" in out
    table = pd.read_csv(tmp_path / "zero_shot.csv").set_index(["question", "score"])
    dataset = read_clip_dataset(place)
    found = answers(runs[0], dataset)
    scored = found.zero_shot().among_left_out
    assert table.loc[("zero-shot", "uar"), "value"] == pytest.approx(scored.uar)
    assert table.loc[("zero-shot", "war"), "value"] == pytest.approx(scored.top1)
    assert table.loc[("zero-shot", "uar"), "chance"] == 0.5
    names = [("generalized", score) for score in ("uar, seen classes", "uar, unseen classes", "harmonic mean")]
    assert table.loc[names, "value"].tolist() == pytest.approx(list(generalized(found)))
    assert table.loc[("leave-one-out", "recall, always that class"), "value"] == 1
    told = text_alone(runs[0].config, dataset).zero_shot().among_left_out
    assert table.loc[("text alone", "uar"), "value"] == pytest.approx(told.uar) == 1
    asked = table[table["low"].notna()]
    assert ((asked["low"] <= asked["value"] + 1e-9) & (asked["value"] <= asked["high"] + 1e-9)).all()
    assert len(pd.read_csv(tmp_path / "windows.csv")) == 4


def test_retrieval_within_a_class(ask, runs, place, tmp_path):
    status, out, _ = ask("retrieve", "--within", "class", "--query", "sentence")
    assert status == 0 and "percentile" in out
    row = pd.read_csv(tmp_path / "retrieval.csv").iloc[0]
    found = own_clips(runs[:1], read_clip_dataset(place))
    assert row["r1"] == pytest.approx(found.r1.scores(accuracy)[0]) and row["clips"] == found.r1.counts.sum()


def test_a_sentence_of_ones_own_lists_clips_of_new_people(ask, runs, place, tmp_path):
    status, out, _ = ask("retrieve", "--text", "the left hand touches the neck")
    table, dataset = pd.read_csv(tmp_path / "retrieval.csv"), read_clip_dataset(place)
    assert status == 0 and table["rank"].tolist() == list(range(1, 11)) and (table["cosine"].diff()[1:] <= 0).all()
    rows = reported_clips(runs[0].config, dataset)
    assert np.isin(table["clip_id"], dataset.frames["clip_id"].iloc[rows]).all() and "hand" in table["sentence"][0]


def test_the_clips_of_one_modality_by_the_other_are_asked_as_before(ask, tmp_path):
    assert ask("retrieve")[0] == 0
    assert pd.read_csv(tmp_path / "retrieval.csv")["query"].tolist() == ["joints", "sentence"]


@pytest.mark.parametrize("options, message", [
    (("retrieve", "--within", "class", "--query", "joints"), "--query sentence and --item joints at most"),
    (("retrieve", "--within", "class", "--ties", "original"), "one of the two"),
    (("retrieve", "--within", "class", "--text", "a hand"), "one of the two"),
    (("retrieve", "--text", " "), "an empty one"),
    (("zero-shot", "--windows", "-1"), "windows, every: found -1 and 2"),
    (("zero-shot", "--windows", "2", "--every", "0"), "found 2 and 0"),
])
def test_options_that_do_not_fit_are_refused(options, message, ask):
    status, _, error = ask(*options)
    assert status == 2 and message in error


def test_a_run_without_sentences_and_a_folder_without_videos_are_refused(ask, runs, tmp_path, capsys):
    for options in (("zero-shot",), ("retrieve", "--within", "class"), ("retrieve", "--text", "a hand")):
        status, _, error = ask(*options, run=1)
        assert status == 2 and "mg train --task video-text" in error
    assert main(["zero-shot", str(runs[0].directory)]) == 2
    assert "no folder of clips" in capsys.readouterr().err
    other = make_clip_folder(tmp_path / "other")
    (other / "clips" / "joints.npy").unlink()
    status, _, error = ask("zero-shot", root=other)
    assert status == 2 and "joints" in error
