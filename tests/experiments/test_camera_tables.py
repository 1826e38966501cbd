"""The tables of notebook 11: what a clip lacks is neither asked nor learned from."""

import numpy as np
import pytest
from camera_forgeries import CLIPS, NAMES, VALID, heads, run, spaces, vectors

from mgutils.data.table import Dataset
from mgutils.experiments.camera_tables import frozen_probe, fusion_answers, probe_tallies, retrieval_difference
from mgutils.metrics.intervals import accuracy

LACKS = np.where(CLIPS.frames["clip_id"] % 3, "", "depth")
LACKING = Dataset(CLIPS.root, CLIPS.frames.assign(lacks=LACKS), CLIPS.labels, CLIPS.numbering)
WITHOUT = LACKS == "depth"
ASKED = VALID[WITHOUT[VALID]]
"""Clips without depth that are reported."""


def misled(know=1, see=0):
    """Spaces whose depth, where a clip has none, says another class and another clip, and loudly."""
    found = spaces(know=know, see=see)
    for each in found:
        each.arrays["depth"][ASKED] = 5 * np.roll(each.arrays["depth"], 1, axis=0)[ASKED]
    return found


def test_mean_of_probabilities_is_that_of_what_a_clip_has():
    answers = fusion_answers(LACKING, misled(), {"a head": heads(lambda there: there[0])})
    both, anchor = (answers["mean of probabilities", choice].scores(accuracy)
                    for choice in (("joints", "depth"), ("joints",)))
    assert (both > 0.97).all() and (anchor > 0.97).all()
    counted = fusion_answers(CLIPS, misled(), {})["mean of probabilities", ("joints", "depth")].scores(accuracy)
    assert (counted < 0.9).all()  # where the same embeddings count
    assert answers["a head", ("joints",)].scores(accuracy).tolist() == [1, 1]
    assert answers["a head", ("depth", "rgb")].scores(accuracy).tolist() == [0, 0]


def test_retrieval_asks_for_clips_that_both_have():
    alike, apart = spaces(see=1), misled(0, 1)
    assert retrieval_difference(LACKING, alike, apart, "depth", "joints")["difference"] == 0
    assert retrieval_difference(CLIPS, alike, apart, "depth", "joints")["difference"] < -0.2


def test_frozen_probe_counts_clips_that_have_the_modality():
    found = frozen_probe(LACKING, run(("depth",), {"depth": vectors(1, 0, 3)}), "depth")
    assert found.counts.sum() == (~WITHOUT[VALID]).sum()
    assert found.scores(accuracy) > 0.9


def test_probes_of_some_modalities_are_those_of_all():
    runs = spaces(know=1)
    every, some = probe_tallies(CLIPS, runs, (5, 0)), probe_tallies(CLIPS, runs, (0,), names=("depth", "joints"))
    assert {name for name, _, _ in every} == set(NAMES) and {name for name, _, _ in some} == {"depth", "joints"}
    for question, table in some.items():
        assert np.array_equal(table.hits, every[question].hits)
    assert every["depth", "linear_probe", 0].scores(accuracy) == pytest.approx([1, 1], abs=0.05)
