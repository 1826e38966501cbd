"""Runs that are watched: what they keep, and the pictures that are drawn of them."""

import numpy as np
import pytest

from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.experiments import collapse
from mgutils.report.figures.collapse import collapse_pictures


def made_up(answers, images, captions):
    answers = np.array(answers)
    return collapse.WatchedRun(np.arange(len(answers)), np.array(images, float), np.array(captions, float), answers,
                               np.array([0, 0, 1, 1]))


RNG = np.random.default_rng(0)
SHRINKS = made_up([[0, 1, 1, 1], [0, 0, 0, 0]], [RNG.normal(size=(4, 6)), np.ones((4, 6))],
                  [RNG.normal(size=(2, 6)), np.ones((2, 6))])


def test_a_collapse_is_one_answer_for_all():
    assert SHRINKS.same_answer.tolist() == [0.75, 1.0] and SHRINKS.top1.tolist() == [0.75, 0.5]


def test_one_picture_for_each_epoch_of_one_size():
    pictures = collapse_pictures({"a": SHRINKS, "b": SHRINKS}, ["one", "two"])
    assert len(pictures) == 2 and pictures[0].size == pictures[1].size
    assert np.abs(np.asarray(pictures[0], int) - np.asarray(pictures[1], int)).max() > 0


@pytest.mark.slow
def test_a_watched_run_keeps_embeddings_of_the_chosen_classes(tiny_template, tmp_path):
    tiny = read_dataset(tiny_template)
    split = make_split(tiny, "frame")
    classes = np.unique(tiny.target[split.valid])[[2, 0]].tolist()
    pixels = load_pixels(tiny, collapse.SIZE, cache_dir=tmp_path)
    run = collapse.watch("sound_ce", tiny, pixels, split, classes, epochs=2)
    rows = collapse.few_rows(tiny, split, classes)
    assert run.epochs.tolist() == [0, 2] and run.images.shape[:2] == (2, len(rows.valid))
    assert run.captions.shape[:2] == (2, 2) and not np.allclose(run.images[0], run.images[1])
    assert np.array(classes)[run.target].tolist() == tiny.target[rows.valid].tolist()
    assert set(rows.train) <= set(split.train) and set(tiny.target[rows.train]) == set(classes)
