"""The ledger of sentences: every row can turn, equal arms show nothing, and a row names what it rests on."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sentence_forgeries import ARMS, LEFT_OUT, OTHER, PICTURES, ROWS, SAMPLE, SETS, SIDES, arm, forged, unseen

from mgutils.claims import evidence as rooms
from mgutils.claims import ledger as claims
from mgutils.claims.evidence import Evidence
from mgutils.claims.listing import load_claims
from mgutils.claims.systems import system_ledgers, verdict_table
from mgutils.data.labels import Labels, write_labels
from mgutils.evaluation.unseen_sets import zero_shot_tally
from mgutils.experiments.sentences import ORDERS
from mgutils.experiments.systems import SYSTEMS
from mgutils.metrics.intervals import mean_recall
from mgutils.training.run import Run

LISTED = {row.id: row for row in load_claims(source="emoclip")[0]}
PUBLISHED = {name for name, row in LISTED.items() if row.test.startswith("published")}
COMPARED = [name for name, row in LISTED.items() if row.test in ("sentences_help", "video_beats_text", "time_helps",
                                                                 "own_sentence_teaches")]


def judged(name, make, monkeypatch):
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true")
        return claims._test(LISTED[name], make(patch))


def test_every_row_is_listed_once_and_has_its_forgeries():
    assert len(LISTED) >= 20 and all(name.startswith("emoclip-") for name in LISTED)
    assert ROWS.keys() == LISTED.keys() - PUBLISHED
    arms = {row.args[key] for row in LISTED.values() for key in ("arm", "beside", "damaged") if key in row.args}
    assert arms <= set(ARMS)
    assert {row.args["beside"] for row in LISTED.values() if row.test == "time_helps"} < ORDERS.keys()


@pytest.mark.parametrize("name", ROWS)
def test_every_row_turns_and_so_does_every_check_of_it(name, monkeypatch):
    holds, fails = (judged(name, make, monkeypatch) for make in ROWS[name])
    assert holds.verdict == "reproduced", holds.finding
    assert fails.verdict == "refuted", fails.finding
    assert holds.finding.checks.keys() == fails.finding.checks.keys()
    assert all(holds.finding.checks.values()) and not any(fails.finding.checks.values())


@pytest.mark.parametrize("name", COMPARED)
def test_arms_that_do_alike_show_nothing(name, monkeypatch):
    assert judged(name, forged(), monkeypatch).verdict == "not shown"


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_numbers_need_the_originals_films(name, monkeypatch):
    row = judged(name, forged(**{SAMPLE: arm(1)}), monkeypatch)
    assert row.verdict == "needs the real data" and row.finding.value > 95 and row.claim.expected


# -- what a control, or a set, takes back ------------------------------------------------------------------------------


def test_unseen_classes_are_not_recognised_where_another_class_s_sentences_do_as_well(monkeypatch):
    row = judged("emoclip-zero-shot", forged(**{SAMPLE: arm(1), OTHER: arm(1)}), monkeypatch)
    assert row.verdict == "not shown" and row.finding.control.startswith(f"{OTHER}: ")


@pytest.mark.parametrize(("bad", "verdict"), [(1, "reproduced"), (2, "refuted")])
def test_one_set_of_five_may_fail(bad, verdict, monkeypatch):
    sets = arm(1)
    for of_set in sets[:bad]:
        for run in of_set:
            run.asked = unseen(-1, run.asked.classes, 0)
    row = judged("emoclip-zero-shot", forged(**{SAMPLE: sets}), monkeypatch)
    assert row.verdict == verdict and len(row.finding.obtained.split(" to ")) == SETS + 1


@pytest.mark.parametrize("name", ["emoclip-generalised", "emoclip-sides"])
def test_who_knows_nothing_has_nothing_to_lose(name, monkeypatch):
    row = judged(name, forged(), monkeypatch)
    assert row.verdict == "not shown" and set(row.finding.checks.values()) == {None}


def test_a_model_that_prefers_what_it_has_seen_has_a_harmonic_mean_of_zero(monkeypatch):
    found = judged("emoclip-generalised", forged(**{SAMPLE: arm(1, seen_first=1)}), monkeypatch).finding
    assert "unseen 0.0, harmonic mean 0.0" in found.obtained


def test_time_that_helps_one_modality_is_a_part_of_the_claim(monkeypatch):
    first = next(iter(ORDERS))
    row = judged("emoclip-order", forged(**{PICTURES[first]: arm(1, seeds=1)}), monkeypatch)
    assert row.verdict == "partly" and row.finding.checks == {"joints in uar": None, "colour in uar": True}


def test_arms_of_one_seed_are_compared_with_the_first_of_three(monkeypatch):
    whole = arm(1)
    for of_set in whole:
        for run in of_set[1:]:
            run.asked = unseen(0, run.asked.classes, 5)
    row = judged("emoclip-sides", forged(**{SAMPLE: whole, SIDES: arm(1, seeds=1)}), monkeypatch)
    first = 100 * zero_shot_tally([of_set[:1] for of_set in [[run.asked for run in runs] for runs in whole]]
                                  ).scores(mean_recall)[0]
    assert row.verdict == "reproduced" and f"against {first:.1f}" in row.finding.obtained


def test_sets_are_disjoint():
    assert len(np.unique(LEFT_OUT)) == LEFT_OUT.size


# -- the evidence ------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Evidence with four clips, sentences about them, and one run of one arm."""
    data, out = tmp_path / "data" / "smoke_clips", tmp_path / "out"
    data.mkdir(parents=True)
    (data / "studio.json").touch()
    write_labels(Labels(("a", "b")), data / "Clip_label.csv")
    pd.DataFrame({"clip_id": range(4), "class_id": [1, 2, 1, 2], "frames": 2}).to_csv(data / "clips.csv", index=False)
    for name in ("sentences.csv", "class_sentences.csv"):
        (data / name).write_text(name)
    folder = out / "runs" / "video_text-official-s0-0"
    folder.mkdir(parents=True)
    np.savez(folder / "outputs.npz", joints=np.ones((4, 2)), logits=np.ones((2, 2)))
    monkeypatch.setattr(rooms, "spoken_clips", lambda profile, root, cameras=False: root)
    trained = []
    monkeypatch.setattr(rooms, "sentence_runs", lambda *arguments, **more: trained.append(arguments) or {
        "one": [[Run(folder)]], "other": [[]]})
    return Evidence("smoke", tmp_path / "data" / "smoke", out), trained


def test_evidence_trains_once_and_notes_in_every_row_what_it_reads(store):
    evidence, trained = store
    for _ in range(2):
        evidence.begin()
        assert evidence.sentences("one").keys() == {"one"}
        assert evidence.spoken.labels.names == ("a", "b")
        assert evidence.read.keys() == {"runs/video_text-official-s0-0/outputs.npz", "clips.csv", "sentences.csv",
                                        "class_sentences.csv"}
    assert len(trained) == 1 and trained[0][0] == "smoke" and trained[0][1].name == "smoke_clips"
    assert len(set(evidence.read.values())) == 4


def test_the_source_has_the_seeds_of_its_own_profile(store):
    assert store[0].seeds("emoclip") == 2 and Evidence("cpu", "nowhere", "nowhere").seeds("emoclip") == 3


# -- four systems ------------------------------------------------------------------------------------------------------


def test_a_system_that_this_run_did_not_test_is_taken_as_published(tmp_path):
    for folder, name, verdicts in (("own", "claims", ["refuted", "reproduced"]), ("there", "claims", ["refuted"]),
                                   ("there", "claims_cmvra", ["not shown"])):
        (tmp_path / folder).mkdir(exist_ok=True)
        rows = pd.DataFrame({"verdict": verdicts}).to_json(orient="records")
        (tmp_path / folder / f"{name}.json").write_text(f'{{"rows": {rows}}}')
    found = system_ledgers(tmp_path / "own", tmp_path / "there")
    assert [(each.title, each.own, len(each.rows)) for each in found] == [("The report", True, 2), ("CMVRA", False, 1)]
    table = verdict_table(found)
    assert table.loc["together", ["claims", "refuted", "reproduced", "not shown", "partly"]].tolist() == [3, 1, 1, 1, 0]
    assert table["tested in"].tolist() == ["this run", "the published run", ""]


def test_every_system_has_claims_and_what_it_pairs_is_read_by_something():
    for system in SYSTEMS:
        assert load_claims(source=system.source)[0]
        parts = {name for pair in system.pairs for name in (pair.a, pair.b)} - {"class"}
        assert parts == system.encoders.keys() and set(system.frozen) <= parts
