"""The ledger of four cameras: every row can turn, equal groups show nothing, and a row names what it rests on."""

import numpy as np
import pandas as pd
import pytest
from camera_forgeries import (
    CLIPS,
    MAE,
    NAMES,
    ROWS,
    SCRAMBLED,
    World,
    forged,
    heads,
    labelled,
    masked,
    run,
    spaces,
    tuned,
    weights,
)
from safetensors.numpy import save_file

from mgutils.claims import evidence as rooms
from mgutils.claims import ledger as claims
from mgutils.claims.evidence import Evidence
from mgutils.claims.intervals import unless_control
from mgutils.claims.listing import load_claims
from mgutils.claims.pairs import better, costs_less_than
from mgutils.claims.tests import TESTS
from mgutils.data.labels import Labels, write_labels
from mgutils.data.table import Dataset
from mgutils.experiments.cameras import HEADS, LABELS
from mgutils.metrics.paired import Difference
from mgutils.training.run import Run

LISTED = {row.id: row for row in load_claims(source="cmvra")[0]}
PUBLISHED = {name for name, row in LISTED.items() if row.test.startswith("published")}


def judged(name, make, monkeypatch):
    with monkeypatch.context() as patch:
        return claims._test(LISTED[name], make(patch))


def test_every_row_is_listed_once_and_has_its_forgeries():
    assert len(LISTED) >= 18 and all(name.startswith("cmvra-") for name in LISTED)
    assert ROWS.keys() == LISTED.keys() - PUBLISHED
    compared = {row.args["group"] for row in LISTED.values() if "group" in row.args}
    assert compared <= {"star", "all pairs", "star, moved apart"}
    named = {row.args[key] for row in LISTED.values() for key in ("head", "beside") if row.test == "fusion_helps"}
    assert named <= HEADS.keys() | {"mean of probabilities"}


@pytest.mark.parametrize("name", ROWS)
def test_every_row_turns_and_so_does_every_check_of_it(name, monkeypatch):
    holds, fails = (judged(name, make, monkeypatch) for make in ROWS[name])
    assert holds.verdict == ("by construction" if LISTED[name].made_by else "reproduced"), holds.finding
    assert fails.verdict == "refuted", fails.finding
    assert holds.finding.checks.keys() == fails.finding.checks.keys()
    assert all(holds.finding.checks.values()) and not any(fails.finding.checks.values())


@pytest.mark.parametrize("name", [name for name, row in LISTED.items() if row.test in (
    "space_helps", "alignment_beats_labels", "all_pairs_retrieve", "fusion_helps", "pretraining_helps",
    "pretraining_is_probed", "retrieval_reaches_new_people", "more_is_better")])
def test_groups_that_do_alike_show_nothing(name, monkeypatch):
    alike = {"star": spaces(know=1), "star, random anchor": spaces(know=1), "star, shuffled pairs": spaces(know=1),
             "all pairs": spaces(know=1)} if LISTED[name].test == "space_helps" else {"star": spaces()}
    if LISTED[name].test == "fusion_helps" and LISTED[name].args["beside"] == "mean of probabilities":
        alike = {"star": spaces(know=1)}
    assert judged(name, forged(**alike), monkeypatch).verdict == "not shown"


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_numbers_need_the_originals_data(name, monkeypatch):
    row = judged(name, forged(star=spaces(know=1)), monkeypatch)
    assert row.verdict == "needs the real data" and row.finding.value > 98 and row.claim.expected


def test_some_cameras_that_gain_are_a_part_of_the_claim(monkeypatch):
    pairs = spaces()
    for seed in pairs:
        seed.arrays["depth"] = spaces(know=1)[0].arrays["depth"]
    row = judged("cmvra-all-pairs", forged(**{"all pairs": pairs}), monkeypatch)
    shown = {name for name, found in row.finding.checks.items() if found}
    assert row.verdict == "partly" and shown == {"depth in top1", "depth in uar"}


@pytest.mark.parametrize(("low", "high", "p", "is_better", "cheap"), [
    (1, 3, 0.01, True, True), (-3, -1, 0.01, False, True), (-9, -6, 0.01, False, False), (-9, 1, 0.2, None, None),
    (-2, 2, 0.8, None, True), (1, 3, 0.2, None, True)])
def test_worse_is_not_the_same_as_costing_more_than_a_margin(low, high, p, is_better, cheap):
    found = Difference((low + high) / 200, low / 100, high / 100, p, 0.02, ())
    assert better(found) is is_better and costs_less_than(5)(found) is cheap


@pytest.mark.parametrize("name", ["cmvra-moved-apart", "cmvra-fusion-one", "cmvra-validation"])
def test_who_knows_nothing_has_nothing_to_lose(name, monkeypatch):
    nothing = {group: labelled("joints", right=False) for group in (
        LABELS["joints"], "joints, labels, people shared")}
    row = judged(name, forged(star=spaces(anchor=0), **nothing), monkeypatch)
    assert row.verdict == "not shown" and set(row.finding.checks.values()) == {None}


def test_retrieval_is_not_shown_where_shuffled_pairs_find_clips_too(monkeypatch):
    seeing = spaces(see=1)
    row = judged("cmvra-retrieval", forged(star=seeing, **{"star, shuffled pairs": seeing}), monkeypatch)
    assert row.verdict == "not shown" and row.finding.control
    assert unless_control(True, False) is None


def test_only_the_part_that_changed_is_not_frozen(monkeypatch):
    moved = [run(NAMES, {}, weights=weights(projections=3))] * 2
    row = judged("cmvra-frozen", forged(star=moved), monkeypatch)
    assert row.verdict == "partly" and row.finding.checks == {"encoder frozen": True, "projection frozen": False}
    nothing = [run(NAMES, {}, weights={})] * 2
    assert judged("cmvra-frozen", forged(star=nothing), monkeypatch).verdict == "refuted"


def test_a_loss_that_hardly_falls_decides_nothing(monkeypatch):
    row = judged("cmvra-mae-loss", forged(**{SCRAMBLED: masked(losses=(1.0, 0.95))}), monkeypatch)
    assert row.verdict == "not shown" and "0.950" in row.finding.obtained


def test_one_seed_that_shows_nothing_says_why(monkeypatch):
    row = judged("cmvra-mae-scratch", forged(), monkeypatch)
    assert row.verdict == "not shown" and "undecided" in row.finding.note


def test_clips_that_lack_depth_are_not_asked():
    lacks = np.where(CLIPS.frames["clip_id"] % 3, "", "depth")
    world = World(**{f"{MAE}, tuned": tuned(True)})
    world.camera_clips = Dataset(CLIPS.root, CLIPS.frames.assign(lacks=lacks), CLIPS.labels, CLIPS.numbering)
    (found,) = world.cameras(f"{MAE}, tuned")[f"{MAE}, tuned"]
    without = lacks[found.valid] == "depth"
    found.logits[without] = np.roll(found.logits[without], 1, axis=1)  # all wrong, and none of them counts
    assert "top1: 100.0 against 100.0" in TESTS["pretraining_helps"](world, "no pre-training").obtained


def test_head_is_asked_about_the_sets_that_the_row_names():
    only_with_anchor = heads(lambda there: there[0])
    world = World(**dict.fromkeys(HEADS, only_with_anchor))
    for there, share in (("everything", "100.0"), ("no anchor", "0.0"), ("something missing", "50.0")):
        found = TESTS["fusion_helps"](world, "masked, dropout", "zeros, no dropout", there).obtained
        assert found.startswith(f"{there}, top1: {share} against {share}")


# -- the evidence ------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Evidence with four clips of four cameras and one run of a star."""
    data, out = tmp_path / "data" / "smoke_cameras", tmp_path / "out"
    (data / "clips").mkdir(parents=True)
    (tmp_path / "data" / "smoke").mkdir()
    (tmp_path / "data" / "smoke" / "studio.json").touch()
    write_labels(Labels(("a", "b")), data / "Clip_label.csv")
    pd.DataFrame({"clip_id": range(4), "class_id": [1, 2, 1, 2], "frames": 2}).to_csv(data / "clips.csv", index=False)
    np.save(data / "clips" / "depth.npy", np.full((8, 4, 4), 1200, dtype=np.uint16))
    folder = out / "runs" / "star-official-s0-0"
    folder.mkdir(parents=True)
    np.savez(folder / "outputs.npz", depth=np.ones((4, 2)), logits=np.ones((2, 2)))
    save_file({"encoders.rgb.a": np.ones(2, dtype=np.float32)}, folder / "best.safetensors")
    monkeypatch.setattr(rooms, "cameras_of", lambda profile, root: root)
    trained = []
    monkeypatch.setattr(rooms, "camera_runs", lambda *arguments, **more: trained.append(arguments) or {
        "star": [Run(folder)], "other": []})
    return Evidence("smoke", tmp_path / "data" / "smoke", out), trained


def test_evidence_trains_once_and_notes_in_every_row_what_it_reads(store):
    evidence, trained = store
    for _ in range(2):
        evidence.begin()
        (run,) = evidence.cameras("star")["star"]
        assert evidence.read.keys() == {"runs/star-official-s0-0/outputs.npz", "clips.csv"}
    assert len(trained) == 1 and trained[0][0] == "smoke" and trained[0][1].name == "smoke_cameras"
    assert evidence.weights(run)["encoders.rgb.a"].tolist() == [1, 1]
    assert evidence.camera_frames("depth").shape == (8, 4, 4)
    assert evidence.read.keys() == {"runs/star-official-s0-0/outputs.npz", "runs/star-official-s0-0/best.safetensors",
                                    "clips.csv", "clips/depth.npy"}
    assert len(set(evidence.read.values())) == 4


def test_a_row_about_clips_says_so(store):
    row = claims._test(LISTED["cmvra-depth"], store[0])
    assert row.tested_on == "synthetic clips" and row.verdict == "refuted"
    assert row.rests_on.keys() == {"clips.csv", "clips/depth.npy"}


def test_clips_are_synthetic_without_the_images_that_they_are_named_after(store):
    (store[0].data_root / "studio.json").unlink()
    store[0].data_root.rmdir()
    (store[0].camera_clips.root / "studio.json").touch()
    assert store[0].images == "synthetic"


def test_what_is_computed_for_one_row_is_there_for_the_next(store):
    asked = []
    for _ in range(2):
        assert store[0].once(("a", 1), lambda: asked.append(1) or "found") == "found"
    assert asked == [1]


def test_each_source_has_the_seeds_of_its_own_profile(store):
    assert [store[0].seeds(source) for source in ("report", "cmvra")] == [2, 2]
    cpu = Evidence("cpu", "nowhere", "nowhere")
    assert [cpu.seeds(source) for source in ("report", "miga2023", "cmvra")] == [3, 5, 3]
