"""The claims ledger: what is listed, how it is judged, and that a row rests on exactly the results it names."""

import json
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mgutils.cli import main
from mgutils.config import read_config
from mgutils.court import REPORT_CE, select
from mgutils.data.layout import write_tables
from mgutils.errors import ConfigError
from mgutils.labels import imigue_labels
from mgutils.report import claims
from mgutils.report.claim_evidence import Evidence, Finding, above, not_above
from mgutils.report.claim_list import Claim, load_claims
from mgutils.report.claim_tests import TESTS

LISTED, UNCHECKED = load_claims()
ROW = 'id = "a"\nstatement = "b"\nwhere = "c"\ntest = "class_count"\n'


def claim(**fields):
    return Claim(**{"id": "a", "statement": "b", "where": "c", "test": "class_count", **fields})


@pytest.fixture(scope="module")
def store(tiny_template, tmp_path_factory):
    """A dataset that calls itself synthetic, the results of every claim on it, and the ledger."""
    folder = tmp_path_factory.mktemp("claims")
    data_root = Path(shutil.copytree(tiny_template, folder / "data"))
    (data_root / "studio.json").write_text("{}")
    return data_root, folder / "out", ledger(data_root, folder / "out")


@pytest.fixture
def forged(store, tmp_path):
    """``forged(change)``: the ids of the rows that differ after ``change(out_dir)``, and the rows."""
    data_root, out_dir, before = store

    def forge(change):
        out = Path(shutil.copytree(out_dir, tmp_path / "out", ignore=shutil.ignore_patterns("*.safetensors")))
        change(out)
        after = rows(ledger(data_root, out))
        return {name for name, row in rows(before).items() if row != after[name]}, after
    return forge


def ledger(data_root, out_dir, profile="smoke"):
    return claims.verify(Evidence(profile, data_root, out_dir, jobs=1), progress=False)


def rows(found):
    return {row.claim.id: json.loads(json.dumps(row.as_dict(), default=claims._plain)) for row in found.rows}


def resting_on(found, file):
    return {row.claim.id for row in found.rows if any(name.endswith(file) for name in row.rests_on)}


# -- the list ----------------------------------------------------------------------------------------------------------


def test_every_row_has_a_test_and_every_test_a_row():
    assert len(LISTED) >= 50 and UNCHECKED
    assert {row.test for row in LISTED} == set(TESTS)
    assert all(row.where.startswith(("report", "README")) for row in LISTED)
    numbers = {row.id: row.expected for row in LISTED}
    assert [numbers[f"table-1-{row}-{score}"] for row in ("ce", "js") for score in ("top-1", "top-5")] == [
        22.54, 27.71, 81.13, 94.33]


@pytest.mark.parametrize(("text", "says"), [
    (f'[[claim]]\n{ROW}verdict = "reproduced"', "typed verdict"), (f"[[claim]]\n{ROW}[[claim]]\n{ROW}", "2 times"),
    (f"[[claim]]\n{ROW.replace('class_count', 'no_such')}", "no_such"), (f'[[claim]]\n{ROW}needs = "tpu"', "tpu"),
    (f"[[claim]]\n{ROW}hope = 1", "hope"), ('[[claim]]\nid = "a"', "statement"), ("[[claim", "not a readable"),
    (f"[[claim]]\n{ROW}args = {{ part = 1 }}", "args do not fit")])
def test_a_faulty_list_is_refused(text, says, tmp_path):
    path = tmp_path / "claims.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load_claims(path)


# -- the verdict -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("checks", "value", "verdict"), [
    ({"x": True}, 10.2, "reproduced"), ({"x": True, "y": False}, 10.2, "partly"), ({"x": True}, 11, "partly"),
    ({"x": False}, 11, "refuted"), ({}, 9.8, "reproduced"), ({}, None, "refuted"), ({"x": None}, None, "refuted"),
    ({"x": None}, 10.2, "partly")])
def test_verdict_is_computed_from_checks_and_number(checks, value, verdict):
    number, finding = claim(expected=10.0, tolerance=0.2), Finding("", checks, value)
    assert claims.judge(number, finding, comparable=False) == verdict
    real = claim(expected=10.0, tolerance=0.2, needs="imigue")
    assert claims.judge(real, finding, comparable=False) == "needs the real data"
    assert claims.judge(real, finding, comparable=True) == verdict
    assert claims.judge(number, Finding("", checks, value, possible=False), comparable=True) == "needs the real data"


def test_a_test_that_checks_nothing_is_a_defect():
    with pytest.raises(ValueError, match="checked nothing"):
        claims.judge(claim(), Finding("something"), comparable=True)


def test_better_is_every_seed_above_every_other():
    high, low, between = np.array([3, 4]), np.array([1, 2]), np.array([2, 4])
    assert above(high, low) is True and above(low, high) is False and above(between, low) is None
    assert not_above(high, low) is False and not_above(low, high) is True and not_above(between, high) is None


def test_what_overlaps_is_not_shown_rather_than_refuted():
    verdict = partial(claims.judge, claim(), comparable=True)
    assert verdict(Finding("", {"x": None, "y": None})) == "not shown"
    assert verdict(Finding("", {"x": None, "y": False})) == "refuted"
    assert verdict(Finding("", {"x": None, "y": True})) == "partly"


@pytest.mark.parametrize(("images", "profile", "read", "verdict"), [
    ("iMiGUE", "imigue", "runs/a/metrics.json", "reproduced"), ("iMiGUE", "cpu", "training/train.xlsx", "reproduced"),
    ("iMiGUE", "cpu", "runs/a/metrics.json", "needs the real data"),
    ("synthetic", "imigue", "runs/a/metrics.json", "needs the real data"),
    ("other", "imigue", "training/train.xlsx", "needs the real data")])
def test_numbers_of_the_report_are_compared_on_its_images_and_settings(images, profile, read, verdict, monkeypatch):
    def test(evidence):
        evidence.read[read] = "0"
        return Finding("", {"holds": True})
    monkeypatch.setitem(TESTS, "class_count", test)
    monkeypatch.setattr(Evidence, "images", images)
    row = claims._test(claim(needs="imigue"), Evidence(profile, "nowhere", "nowhere"))
    assert row.verdict == verdict and row.rests_on == {read: "0"}


def test_whose_images(tiny_root, tmp_path, memory_dataset):
    assert Evidence("smoke", tiny_root, tmp_path).images == "other"
    frames = pd.DataFrame({"path": ["1/0.0.jpg"], "class_id": [1], "clip_id": [0], "frame_id": [0]})
    shutil.copy(next((tiny_root / "training" / "1").iterdir()), tiny_root / "training" / "1" / "0.0.jpg")
    write_tables(tiny_root, frames, imigue_labels())
    assert Evidence("smoke", tiny_root, tmp_path).images == "iMiGUE"
    (tiny_root / "studio.json").touch()
    assert Evidence("smoke", tiny_root, tmp_path).images == "synthetic"


# -- the ledger --------------------------------------------------------------------------------------------------------

SETTLED = {
    "js-equation": "refuted", "js-mixture": "refuted", "js-bounded": "reproduced", "code-bounded": "refuted",
    "kl-unbounded": "reproduced", "kl-suits": "refuted", "identity-target": "refuted", "several-images": "reproduced",
    "image-2048": "reproduced", "text-768": "reproduced", "shared-256": "reproduced", "input-224": "reproduced",
    "relu": "partly", "alexnet": "reproduced", "clip-pairs": "reproduced", "micro-gestures-32": "refuted",
    "figure-2": "reproduced", "figure-3": "reproduced", "towers-jointly": "reproduced", "schedule-batch": "refuted",
    "ce-as-shariatnia": "partly", "validated": "reproduced", "best-kept": "reproduced", "video-id": "refuted",
    "validsubset": "partly", "stratified": "reproduced", "requirements": "partly",
    "zero-shot": "needs the real data", "jaw-like-neck": "needs the real data",
    **{row.id: "needs the real data" for row in LISTED if row.needs == "imigue"}}
"""Verdicts that do not depend on how well a model was trained."""


def test_what_no_training_can_change(store):
    found = {row.claim.id: row.verdict for row in store[2].rows}
    assert {name: found[name] for name in SETTLED} == SETTLED
    assert sum(store[2].counts.values()) == len(LISTED)


def test_equal_results_give_equal_bytes(store, tmp_path):
    data_root, out_dir, first = store
    one, two = (claims.write_ledger(found, tmp_path / name) for found, name in
                ((first, "one"), (ledger(data_root, out_dir), "two")))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    plain = json.loads(one[0].read_text(encoding="utf-8"))
    assert (plain["images"], len(plain["rows"])) == ("synthetic", len(LISTED))
    table = [line for line in one[1].read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert len(table) == len(LISTED) + 2 and {line.replace(r"\|", "").count("|") for line in table} == {8}


def test_command_prints_and_writes_the_ledger(store, tmp_path, capsys):
    data_root, out_dir, _ = store
    assert main(["verify", "--profile", "smoke", "--data-root", str(data_root), "--out-dir", str(out_dir),
                 "--figures", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert all(f"{row.id}: {row.statement}" in printed for row in LISTED)
    assert printed.count("expected: ") == printed.count("obtained: ") == printed.count("spread: ") == len(LISTED)
    assert (tmp_path / "claims.json").exists() and (tmp_path / "claims.md").exists()


# -- a forged result ---------------------------------------------------------------------------------------------------


def run_folder(out, objective, split="frame"):
    folders = (out / "runs").glob(f"{objective}-{split}-s0-*")
    return next(folder for folder in folders if read_config(folder / "config.json").captions == "own")


def forge_metrics(objective, split="frame", **scores):
    def change(out):
        path = run_folder(out, objective, split) / "metrics.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | scores))
    return change


def forge_outputs(out):
    path = run_folder(out, "sound_ce") / "outputs.npz"
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **arrays | {"logits": -arrays["logits"]})


def forge_log(out):
    path = run_folder(out, "report_js") / "log.jsonl"
    log = pd.read_json(path, lines=True)
    log["train_loss"] /= 1000
    log.to_json(path, orient="records", lines=True)


@pytest.mark.parametrize(("change", "file", "some"), [
    (forge_metrics("report_ce", top1=0.99, top5=0.991), "metrics.json", {"table-1-ce-top-1", "js-superior"}),
    (forge_metrics("sound_ce", "subject", top1=0.99), "metrics.json", {"generalisation"}),
    (forge_outputs, "outputs.npz", {"jaw-like-neck", "classes-look-alike"}),
    (forge_log, "log.jsonl", {"code-bounded", "epochs-250"})])
def test_a_forged_file_turns_exactly_the_rows_that_rest_on_it(change, file, some, forged, store, tmp_path):
    changed, _ = forged(change)
    touched = [path for path in (tmp_path / "out" / "runs").rglob(file)
               if path.read_bytes() != (store[1] / path.relative_to(tmp_path / "out")).read_bytes()]
    assert len(touched) == 1
    assert changed == resting_on(store[2], touched[0].relative_to(tmp_path / "out").as_posix()) >= some


@pytest.mark.parametrize(("better", "worse", "verdict"), [("report_js", "report_ce", "reproduced"),
                                                          ("report_ce", "report_js", "refuted")])
def test_forged_scores_change_the_verdict(better, worse, verdict, forged):
    def change(out):
        for path in (out / "runs").glob("report_*/metrics.json"):
            score = 0.9 if path.parent.name.startswith(better) else 0.1
            path.write_text(json.dumps(json.loads(path.read_text()) | {"top1": score, "top5": score + 0.05}))
    changed, after = forged(change)
    assert "table-1-order" in changed and after["table-1-order"]["verdict"] == verdict
    assert after["table-1-js-top-1"]["value"] == pytest.approx(90 if better == "report_js" else 10)


def test_a_forged_cell_of_the_court_turns_the_row_that_asks_for_it(forged, store):
    def change(out):
        table = pd.read_csv(out / "court.csv", index_col="key")
        table.loc[select(table, REPORT_CE).index, "top1"] = 0.99
        table.to_csv(out / "court.csv")
    changed, after = forged(change)
    assert changed == {"ce-cause"} and "99.0 %" in after["ce-cause"]["obtained"]


# -- rows that cannot be compared --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("report", "longer", "better"), [(0.9, True, None), (0.9, False, True), (0.3, True, False)])
def test_a_row_that_trained_longer_is_not_called_better_than_alexnet(report, longer, better):
    def run(top1):
        return SimpleNamespace(metrics={"top1": top1})

    groups = {"alexnet": [run(0.6)], "contrastive frame": [run(0.8)], "vision frame": [run(0.9)]}
    ours = [run(report), run(report + 0.01)]
    evidence = SimpleNamespace(
        dataset=SimpleNamespace(has_groups=False), controls=lambda *names: {name: groups[name] for name in names},
        metrics=lambda run: run.metrics, runs=lambda objective: ours, scores=lambda objective, score: np.array(
            [100 * run.metrics[score] for run in ours]),
        settings=lambda run: {"train": {"epochs": 48 if longer and run in ours else 12}})
    checks = TESTS["beats_vision_only"](evidence).checks
    assert list(checks.values()) == [better, False]


# -- data that differ --------------------------------------------------------------------------------------------------


def test_a_true_subset_and_cut_captions_are_seen(tiny_root, tmp_path):
    path = tiny_root / "training" / "validsubset.csv"
    table = pd.read_csv(path)
    table["Caption"] = table["Caption"].str.strip()
    table[:-1].to_csv(path, index=False)
    evidence = Evidence("smoke", tiny_root, tmp_path)
    assert all(TESTS["valid_subset"](evidence).checks.values())
    assert TESTS["caption_text"](evidence).checks == {"train.xlsx": True, "validsubset.csv": False}
    path.unlink()
    assert not TESTS["valid_subset"](Evidence("smoke", tiny_root, tmp_path)).possible


def test_without_a_sidecar_the_id_is_judged_by_its_classes(bare_root, tmp_path):
    assert list(TESTS["video_id"](Evidence("smoke", bare_root, tmp_path)).checks.values()) == [False]
