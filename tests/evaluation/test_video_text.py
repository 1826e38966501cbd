"""A run on videos and sentences is asked about classes never seen: by stored embeddings, and by those made anew."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from clip_folders import NAMES, config
from sklearn.metrics import balanced_accuracy_score
from told_clips import SILENT, UNSEEN, WORDS, make_told_clips, told_config

from mgutils.config import Pair, SpaceConfig, TextVectors
from mgutils.data.items import read_clip_dataset
from mgutils.data.labels import Labels, write_labels
from mgutils.data.protocol import split_of
from mgutils.data.splits import make_split
from mgutils.errors import ConfigError
from mgutils.evaluation.questions import reported_clips, sentences_of, video_of
from mgutils.evaluation.texts import class_embeddings, embed_texts
from mgutils.evaluation.unseen import generalized
from mgutils.evaluation.video_text import answers, own_clips, text_alone
from mgutils.evaluation.windows import answer_clips, windows
from mgutils.metrics.cosine import cosine_similarity
from mgutils.metrics.intervals import accuracy
from mgutils.training.store import train_all

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_told_clips(tmp_path_factory.mktemp("told") / "clips")


@pytest.fixture(scope="module")
def runs(place, tmp_path_factory):
    """Runs that learned from a clip's own sentences, another clip's, and names; one of all classes, with a network."""
    store = tmp_path_factory.mktemp("store")
    wanted = [told_config(), told_config("shuffled"), told_config("name"), told_config(left_out=(), tower="random")]
    return dict(zip(("sample", "shuffled", "name", "all"),
                    train_all(wanted, place, store, jobs=1, progress=False), strict=True))


@pytest.fixture(scope="module")
def dataset(place):
    return read_clip_dataset(place)


def test_the_clips_asked_are_those_of_people_that_the_run_did_not_learn_from(runs, dataset):
    run = runs["sample"]
    rows = reported_clips(run.config, dataset)
    people = dataset.frames["subject_id"].to_numpy()
    learned = split_of(run.config, dataset).train
    assert rows.tolist() == make_split(dataset, "subject").valid.tolist()
    assert not set(people[rows]) & set(people[learned]) and len(run.valid) > len(rows)
    assert not set(dataset.target[learned] + 1) & set(UNSEEN)


def test_the_stored_logits_and_the_texts_give_the_same_answers(runs, dataset):
    for name in ("sample", "shuffled", "name"):
        run = runs[name]
        stored = answers(run, dataset)
        texts = [[label] for label in NAMES] if name == "name" else None
        anew = answer_clips(run.directory, dataset, texts)
        assert (stored.target == anew.target).all() and (stored.subjects == anew.subjects).all()
        ratio = stored.logits / anew.logits
        assert ratio == pytest.approx(ratio[0, 0], rel=1e-3) and ratio[0, 0] > 1  # one over the temperature
        assert stored.classes.tolist() == [1, 3]
        assert (stored.answers() == anew.answers()).mean() > 0.98


def test_other_texts_are_asked_with_the_stored_embeddings(runs, dataset):
    run = runs["sample"]
    texts = [[f"a hand touches the {word}"] for word in WORDS]
    found = answers(run, dataset, texts)
    rows = reported_clips(run.config, dataset)
    vectors = class_embeddings(run.directory, dataset, texts)
    assert found.logits == pytest.approx(cosine_similarity(run.arrays["joints"][rows], vectors))
    assert answer_clips(run.directory, dataset, texts).logits == pytest.approx(found.logits, abs=1e-5)
    swapped = answers(run, dataset, texts[::-1])
    assert swapped.logits == pytest.approx(found.logits[:, ::-1])


def test_the_scores_are_scikit_learns(runs, dataset):
    found = answers(runs["sample"], dataset)
    own = found.asked
    among = found.classes[found.logits[own][:, found.classes].argmax(axis=1)]
    assert found.zero_shot().among_left_out.uar == pytest.approx(balanced_accuracy_score(found.target[own], among))
    assert 0 <= generalized(found).harmonic <= 1


def test_text_alone_needs_no_video_and_knows_the_classes_whose_words_are_said(runs, dataset, tmp_path):
    found = text_alone(runs["sample"].config, dataset, "words")
    assert found.zero_shot().among_left_out.uar == generalized(found).harmonic == 1
    assert len(found.target) == len([row for row in reported_clips(runs["sample"].config, dataset)
                                     if dataset.frames["clip_id"].iloc[row] not in SILENT])
    slow = []
    clip = dataset.frames["clip_id"].to_numpy()[reported_clips(runs["sample"].config, dataset)][-1]
    said = pd.read_csv(dataset.root / "sentences.csv", keep_default_na=False)
    said = said[said["clip_id"] == clip]["sentence"]
    for word in WORDS:
        vocabulary = sorted({*" ".join(said).split(), "a", "hand", "touches", "is", "at", "the", *WORDS})

        def mean(texts, vocabulary=vocabulary):
            counts = [np.array([text.split().count(each) for each in vocabulary]) for text in texts]
            return np.mean([count / np.linalg.norm(count) for count in counts], axis=0)

        asked = mean([f"a hand touches the {word}", f"a hand is at the {word}"])
        clip_mean = mean(list(said))
        slow.append(clip_mean @ asked / np.linalg.norm(clip_mean) / np.linalg.norm(asked))
    assert found.logits[-1] == pytest.approx(slow)


def test_a_clip_is_searched_for_by_its_own_sentence_whatever_the_run_learned_from(runs, dataset):
    asked = [runs["sample"], runs["shuffled"]]
    found = own_clips(asked, dataset)
    rows = reported_clips(runs["sample"].config, dataset)
    rows = rows[~np.isin(dataset.frames["clip_id"].to_numpy()[rows], SILENT)]
    said = pd.read_csv(dataset.root / "sentences.csv", keep_default_na=False).query("number == 1")
    said = said.set_index("clip_id")["sentence"]
    texts = said[dataset.frames["clip_id"].to_numpy()[rows]].to_numpy()
    for place, run in enumerate(asked):
        cosine = cosine_similarity(embed_texts(run.directory, dataset, list(texts)), run.arrays["joints"][rows])
        first, counted = 0.0, 0
        for query, row in enumerate(rows):
            others = np.flatnonzero(dataset.target[rows] == dataset.target[row])
            right = texts[others] == texts[query]
            if not right.all():
                scores = cosine[query, others]
                first += right[scores == scores.max()].mean()
                counted += 1
        assert found.r1.scores(accuracy)[place] == pytest.approx(first / counted)
        assert found.r1.counts.sum() == counted


def test_fixed_segments_are_the_runs_own_scores_and_windows_spread_around_them(runs, dataset):
    run = runs["sample"]
    table = windows(run.directory, dataset, draws=4, every=1)
    assert table["window"].tolist() == ["segments", *["wrapping"] * 4] and table.loc[0, "changed"] == 0
    scored = answer_clips(run.directory, dataset).zero_shot().among_left_out
    assert table.loc[0, "uar"] == pytest.approx(scored.uar) and table.loc[0, "war"] == pytest.approx(scored.top1)
    again = windows(run.directory, dataset, draws=4, every=1)
    pd.testing.assert_frame_equal(table, again)
    assert table.loc[1:, "changed"].max() > 0


def test_classes_of_another_folder_are_unseen_where_the_run_does_not_know_their_name(runs, dataset, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(dataset.root, other)
    write_labels(Labels((NAMES[0], "Waving", NAMES[2], "Nodding")), other / "Clip_label.csv")
    found = answer_clips(runs["all"].directory, read_clip_dataset(other))
    assert found.classes.tolist() == [1, 3] and len(found.target) == len(dataset)
    with pytest.raises(ConfigError, match="which counts the words of its own"):
        answer_clips(runs["sample"].directory, read_clip_dataset(other))


def test_what_cannot_be_asked_is_refused(runs, dataset, place, tmp_path):
    with pytest.raises(ConfigError, match="no class left out"):
        answers(runs["all"], dataset)
    with pytest.raises(ConfigError, match="no class left out"):
        answer_clips(runs["all"].directory, dataset)
    with pytest.raises(ConfigError, match="other clips"):
        answers(runs["sample"], replace(dataset, frames=dataset.frames.iloc[::-1].reset_index(drop=True)))
    with pytest.raises(ConfigError, match="wanted body"):
        sentences_of(runs["sample"].config, "body")
    with pytest.raises(ConfigError, match="found none"):
        sentences_of(config(SpaceConfig((Pair("rgb", "joints"),))))
    fewer = tmp_path / "fewer"
    shutil.copytree(place, fewer)
    write_labels(Labels(NAMES[::-1]), fewer / "Clip_label.csv")
    with pytest.raises(ConfigError, match="no class that the run does not know"):
        answer_clips(runs["all"].directory, read_clip_dataset(fewer))


def test_the_video_is_what_the_sentences_are_paired_with():
    made = SpaceConfig((Pair("rgb", "depth"), Pair("said", "joints")), derived=(TextVectors("said"),))
    assert video_of(config(made)) == "joints"
