"""The claims ledger: what is listed, how it is judged, and that a row rests on exactly the results it names."""

import json
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torchvision
from claim_forgeries import (
    CLASSES,
    COLLAPSED,
    FAILS,
    HOLDS,
    JAW,
    LEAKS,
    NECK,
    WHOLE,
    FakeEvidence,
    cell,
    forged,
    four,
    outputs,
    run,
    runs,
)
from torch import nn

from mgutils.claims import ledger as claims
from mgutils.claims.evidence import Evidence
from mgutils.claims.intervals import above, in_every_run, not_above, over_shuffled, unless_control, within
from mgutils.claims.listing import Claim, load_claims
from mgutils.claims.registry import Finding, claim_test
from mgutils.claims.tests import TESTS
from mgutils.cli import main
from mgutils.data.labels import imigue_labels
from mgutils.data.layout import write_tables
from mgutils.errors import ConfigError
from mgutils.experiments.loss_grid.grid import REPORT_CE, select
from mgutils.training.config_file import read_config

pytestmark = pytest.mark.slow

LISTED, UNCHECKED = load_claims()
BY_ID = {row.id: row for row in LISTED}
PUBLISHED = Path(__file__).parents[2] / "figures" / "claims.json"
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
def refiled(store, tmp_path):
    """``refiled(change)``: the ids of the rows that differ after ``change(out_dir)``, and the rows."""
    data_root, out_dir, before = store

    def forge(change):
        out = Path(shutil.copytree(out_dir, tmp_path / "out", ignore=shutil.ignore_patterns("*.safetensors")))
        change(out)
        for receipt in out.glob("runs/*/receipt.json"):  # a forger who is not found out by sizes and hashes
            content = json.loads(receipt.read_text())
            receipt.write_text(json.dumps({name: value for name, value in content.items() if name != "files"}))
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
    skeletons, cameras, sentences = (load_claims(source=source)[0] for source in ("miga2023", "cmvra", "emoclip"))
    others = skeletons + cameras + sentences
    assert {row.test for row in LISTED + others} == set(TESTS)
    assert len(skeletons) >= 12 and len(cameras) >= 14 and len(sentences) >= 20
    assert not {row.id for row in LISTED} & {row.id for row in others}
    assert all(row.where.startswith(("report", "README")) for row in LISTED)
    numbers = {row.id: row.expected for row in LISTED}
    assert [numbers[f"table-1-{row}-{score}"] for row in ("ce", "js") for score in ("top-1", "top-5")] == [
        22.54, 27.71, 81.13, 94.33]


@pytest.mark.parametrize(("text", "says"), [
    (f'[[claim]]\n{ROW}verdict = "reproduced"', "typed verdict"), (f"[[claim]]\n{ROW}[[claim]]\n{ROW}", "2 times"),
    (f"[[claim]]\n{ROW.replace('class_count', 'no_such')}", "no_such"), (f'[[claim]]\n{ROW}needs = "tpu"', "tpu"),
    (f'[[claim]]\n{ROW}made_by = "fate"', "fate"),
    (f"[[claim]]\n{ROW}hope = 1", "hope"), ('[[claim]]\nid = "a"', "statement"), ("[[claim", "not a readable"),
    (f"[[claim]]\n{ROW}args = {{ part = 1 }}", "args do not fit")])
def test_a_faulty_list_is_refused(text, says, tmp_path):
    path = tmp_path / "claims.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load_claims(path)


def test_only_what_is_marked_is_a_test():
    modules = sorted({test.__module__ for test in TESTS.values()})
    assert len(modules) == 11
    assert "over_seeds" not in TESTS and not any(name.startswith("_") for name in TESTS)
    with pytest.raises(ValueError, match="class_count"):
        claim_test(TESTS["class_count"])


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


@pytest.mark.parametrize(("low", "high", "verdict"), [
    (9.9, 10.1, "reproduced"), (10.1, 10.9, "not shown"), (9, 11, "not shown"), (10.3, 11, "refuted")])
def test_a_number_is_compared_by_all_seeds_and_not_by_their_mean(low, high, verdict):
    finding = Finding("", value=10.0, spread=(low, high))
    assert claims.judge(claim(expected=10.0, tolerance=0.2), finding, comparable=True) == verdict


@pytest.mark.parametrize(("made_by", "synthetic", "holds"), [
    ("", True, "reproduced"), ("kit", False, "by construction"), ("kit", True, "by construction"),
    ("data", False, "reproduced"), ("data", True, "by construction")])
def test_what_we_made_is_by_construction_and_what_fails_stays_visible(made_by, synthetic, holds):
    verdict = partial(claims.judge, claim(made_by=made_by), comparable=True, synthetic=synthetic)
    assert verdict(Finding("", {"x": True, "y": True})) == holds
    assert verdict(Finding("", {"x": True, "y": False})) == "partly"
    assert verdict(Finding("", {"x": False, "y": False})) == "refuted"
    # what seeds leave open here may be shown on another machine, and counts for nothing on both
    assert verdict(Finding("", {"x": None, "y": None})) == ("not shown" if holds == "reproduced" else holds)


def test_a_test_that_checks_nothing_is_a_defect():
    with pytest.raises(ValueError, match="checked nothing"):
        claims.judge(claim(), Finding("something"), comparable=True)


def test_better_is_every_seed_above_every_other():
    high, low, between = np.array([3, 4]), np.array([1, 2]), np.array([2, 4])
    assert above(high, low) is True and above(low, high) is False and above(between, low) is None
    assert not_above(high, low) is False and not_above(low, high) is True and not_above(between, high) is None


def test_three_answers_over_seeds():
    assert in_every_run([True, True]) is True
    assert in_every_run([False, False]) is False
    assert in_every_run([True, False]) is None and in_every_run([]) is None
    assert within(1, 3, 2, 1) is True
    assert within(1, 3.1, 2, 1) is None and within(3.1, 4, 2, 1) is False


@pytest.mark.parametrize(("found", "control", "answer"), [
    (True, True, True), (True, False, None), (True, None, None), (False, False, False), (None, True, None)])
def test_a_control_takes_back_a_yes_and_never_gives_one(found, control, answer):
    assert unless_control(found, control) is answer


def test_a_constant_answer_has_nothing_beyond_shuffled_labels():
    target = np.repeat([0, 1, 2], [70, 20, 10])
    constant = np.tile([0.9, 0.5, 0.1], (100, 1))
    assert over_shuffled(constant, target, 1) == 0
    assert over_shuffled(np.eye(3)[target], target, 1) > 30
    assert over_shuffled(np.eye(3)[(target + 1) % 3], target, 1) == 0


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

def test_every_row_is_counted_and_what_we_made_is_counted_apart(store):
    found = store[2]
    assert sum(found.counts.values()) == len(LISTED)
    made = found.counts["by construction"]
    assert made > 10
    assert f"{made} true by construction, which count for nothing." in found.summary
    assert f"{found.counts['reproduced']} reproduced, " in found.summary


def test_on_images_of_the_studio_nothing_that_we_made_is_reproduced(store):
    for row in store[2].rows:
        if row.claim.made_by:
            assert row.verdict != "reproduced", row.claim.id
        else:
            assert row.verdict != "by construction", row.claim.id


def test_what_needs_the_real_data_says_so(store):
    found = {row.claim.id: row.verdict for row in store[2].rows}
    assert all(found[row.id] == "needs the real data" for row in LISTED if row.needs == "imigue")


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


@pytest.mark.parametrize("profile", ["smoke", "cpu"])
def test_the_command_leaves_the_published_ledger_alone(store, tmp_path, profile, monkeypatch, capsys):
    """What is in the project's figures/ is what `mg publish` puts there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(claims, "verify", lambda evidence, source: store[2])
    (tmp_path / "data" / profile).mkdir(parents=True)
    for words, out_dir in (([], f"out/{profile}"), (["--out-dir", "mine"], "mine")):
        assert main(["verify", "--profile", profile, *words]) == 0
        written = [f"{out_dir}/figures/claims.json", f"{out_dir}/figures/claims.md"]
        assert capsys.readouterr().out.splitlines() == written and all(Path(name).exists() for name in written)
    assert not (tmp_path / "figures").exists()


# -- every row can turn ------------------------------------------------------------------------------------------------


def found(name, make, monkeypatch, images="iMiGUE"):
    evidence = make(monkeypatch)
    evidence.images = images
    return claims._test(BY_ID[name], evidence)


@pytest.mark.parametrize("name", BY_ID)
def test_every_row_turns_and_so_does_every_check_of_it(name, monkeypatch):
    with monkeypatch.context() as patch:
        holds = found(name, HOLDS[name], patch)
    with monkeypatch.context() as patch:
        fails = found(name, FAILS[name], patch)
    made = BY_ID[name].made_by == "kit"
    assert holds.verdict == ("by construction" if made else "reproduced")
    assert fails.verdict in ("refuted", "not shown")
    assert holds.finding.checks.keys() == fails.finding.checks.keys()
    assert all(holds.finding.checks.values()) and not any(fails.finding.checks.values())


@pytest.mark.parametrize("name", [row.id for row in LISTED if row.made_by])
def test_a_row_that_we_made_is_never_reproduced_on_our_images(name, monkeypatch):
    with monkeypatch.context() as patch:
        assert found(name, HOLDS[name], patch, "synthetic").verdict == "by construction"
    with monkeypatch.context() as patch:
        assert found(name, FAILS[name], patch, "synthetic").verdict == "refuted"


def test_no_published_reproduction_is_vacuous():
    """Each row that the published ledger calls reproduced is in the test above, which turns it."""
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))["rows"]
    reproduced = {row["id"] for row in published if row["verdict"] == "reproduced"}
    assert reproduced and reproduced <= HOLDS.keys() & FAILS.keys()
    assert HOLDS.keys() == FAILS.keys() == BY_ID.keys()
    made = {row["id"] for row in published if row.get("made_by")}  # none before this was a field
    assert not reproduced & made


# -- what a control takes back -----------------------------------------------------------------------------------------


def near_one_caption():
    """A run that puts every image at the caption of the most common class."""
    target = np.repeat(np.arange(CLASSES), np.r_[[2] * (CLASSES - 1), 40])
    return SimpleNamespace(outputs=outputs(np.full(len(target), CLASSES - 1), target))


def neck_for_all():
    """A run whose second answer is the jaw or the neck whatever the image shows."""
    target = np.repeat(np.arange(CLASSES), 10)
    arrays = outputs(target, target)
    near = np.where(target == JAW, NECK, JAW)
    arrays["logits"][np.arange(len(target)), near] = 1.5
    arrays["logits"][target < JAW, NECK] = 1.4
    arrays["logits"][target > NECK, NECK] = 1.4
    return [SimpleNamespace(outputs=arrays)] * 2


def one_group():
    """A run whose images and errors are all of one group, so that chance keeps them in it too."""
    target = np.repeat([0, 1], 10)
    return [SimpleNamespace(outputs=outputs(1 - target, target))] * 2


def constants():
    """Two rows that always answer one class, a more common one in the JS row."""
    def always(top1, answer):
        target = np.repeat([0, 1, 2], [60, 30, 10])
        logits = np.tile(np.eye(CLASSES)[answer], (len(target), 1))
        metrics = {"top1": top1, "top5": top1 + 0.1}
        return [SimpleNamespace(outputs={"logits": logits, "target": target}, metrics=metrics)] * 2

    return always(0.6, 0), always(0.3, 1)


@pytest.mark.parametrize(("name", "make", "verdict"), [
    ("clip-space", forged(runs={"sound_ce": [near_one_caption()]}), "not shown"),
    ("table-1-order", four(*constants()), "not shown"),
    ("js-superior", four(*constants(), *constants()), "not shown"),
    ("jaw-like-neck", forged(dataset=WHOLE, runs={"sound_ce": neck_for_all()}), "not shown"),
    ("classes-look-alike", forged(dataset=WHOLE, runs={"sound_ce": one_group()}), "refuted"),
    ("ce-failure", forged(audit=LEAKS, runs={
        "report_ce": COLLAPSED, "sound_ce": COLLAPSED}), "not shown"),
    ("ce-failure", forged(audit=LEAKS, runs={
        "report_ce": COLLAPSED, "sound_ce": [COLLAPSED[0], run(0.9)]}), "not shown")])
def test_a_control_that_shows_the_same_turns_the_verdict(name, make, verdict, monkeypatch):
    row = found(name, make, monkeypatch)
    assert row.verdict == verdict and row.finding.control
    assert f"control: {row.finding.control}" in claims._line(row)


def test_without_the_control_the_constants_would_have_been_in_order():
    js, ce = constants()
    assert above(*(np.array([run.metrics["top1"] for run in row]) for row in (js, ce))) is True


def test_one_caption_for_all_is_near_its_own_class_on_average():
    evidence = FakeEvidence(runs={"sound_ce": [near_one_caption()]})
    obtained = TESTS["pairs_together"](evidence).obtained
    own, other = (float(part.split()[-1]) for part in obtained.split(", with others"))
    assert own > other


# -- seeds that disagree -----------------------------------------------------------------------------------------------


def test_a_failure_that_one_seed_lacks_is_not_shown(monkeypatch):
    def checks(*failed):
        make = forged(audit=LEAKS, runs={"report_ce": failed, "sound_ce": runs(0.9)})
        return list(found("ce-failure", make, monkeypatch).finding.checks.values())

    assert checks(run(0.1), run(0.4)) == [None, False]
    assert checks(run(0.1), COLLAPSED[0]) == [True, None]


def test_an_identity_that_one_seed_lacks_is_not_shown():
    spread_out = np.eye(CLASSES) * 1000
    target = np.arange(CLASSES)
    apart = SimpleNamespace(outputs=outputs(target, target, spread_out))
    checks = TESTS["identity_target"](FakeEvidence(runs={"report_ce": [run(0.5), apart]})).checks
    assert list(checks.values()) == [False, None]


def test_a_cell_of_the_table_with_seeds_on_both_sides_is_not_shown(monkeypatch):
    scores = [SimpleNamespace(metrics={"top1": top1}) for top1 in (0.70, 0.92)]
    make = forged(runs={"report_js": scores})
    assert found("table-1-js-top-1", make, monkeypatch).verdict == "not shown"
    assert found("table-1-js-top-1", cell(0.82, None), monkeypatch).verdict == "reproduced"


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
    (forge_log, "log.jsonl", {"code-bounded", "validated"})])
def test_a_forged_file_turns_exactly_the_rows_that_rest_on_it(change, file, some, refiled, store, tmp_path):
    changed, _ = refiled(change)
    touched = [path for path in (tmp_path / "out" / "runs").rglob(file)
               if path.read_bytes() != (store[1] / path.relative_to(tmp_path / "out")).read_bytes()]
    assert len(touched) == 1
    assert changed == resting_on(store[2], touched[0].relative_to(tmp_path / "out").as_posix()) >= some


def test_scores_forged_in_one_file_alone_do_not_make_an_order(refiled):
    """The control is computed from the stored logits, which the forger left as they were."""
    def change(out):
        for path in (out / "runs").glob("report_*/metrics.json"):
            score = 0.9 if path.parent.name.startswith("report_js") else 0.1
            path.write_text(json.dumps(json.loads(path.read_text()) | {"top1": score, "top5": score + 0.05}))
    changed, after = refiled(change)
    row = after["table-1-order"]
    assert "table-1-order" in changed and row["verdict"] != "reproduced"
    assert row["obtained"].startswith("top-1 90.0 % (90.0 to 90.0) against 10.0 %")
    assert after["table-1-js-top-1"]["value"] == pytest.approx(90)


def test_a_forged_cell_of_the_court_turns_the_row_that_asks_for_it(refiled, store):
    def change(out):
        table = pd.read_csv(out / "court.csv", index_col="key")
        table.loc[select(table, REPORT_CE).index, "top1"] = 0.99
        table.to_csv(out / "court.csv")
    changed, after = refiled(change)
    assert changed == {"ce-cause"} and "99.0 %" in after["ce-cause"]["obtained"]


# -- rows that cannot be compared --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("report", "longer", "better"), [(0.9, True, None), (0.9, False, True), (0.3, True, False)])
def test_a_row_that_trained_longer_is_not_called_better_than_a_model_without_text(report, longer, better):
    def run(top1):
        return SimpleNamespace(metrics={"top1": top1})

    groups = {"contrastive frame": [run(0.5)], "vision frame": [run(0.6)]}
    ours = [run(report), run(report + 0.01)]
    evidence = SimpleNamespace(
        dataset=SimpleNamespace(has_groups=False), controls=lambda *names: {name: groups[name] for name in names},
        metrics=lambda run: run.metrics, runs=lambda objective: ours, scores=lambda objective, score: np.array(
            [100 * run.metrics[score] for run in ours]),
        settings=lambda run: {"train": {"epochs": 48 if longer and run in ours else 12}})
    checks = TESTS["beats_vision_only"](evidence).checks
    assert list(checks.values()) == [better, False]


# -- a network that differs --------------------------------------------------------------------


def test_a_network_without_dropout_has_none_where_it_is_claimed(monkeypatch):
    def without():
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1000))

    monkeypatch.setattr(torchvision.models, "alexnet", without)
    assert list(TESTS["alexnet"](FakeEvidence()).checks.values()) == [True, False]


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
