"""A reader's results beside the published ones, on forged tables and ledgers."""

import json
import os

import pandas as pd
import pytest
from reproductions import record_all

from mgutils.cli import main
from mgutils.config import get_profile
from mgutils.course.publish import publish
from mgutils.report.compare import compare
from mgutils.report.made_on import machines
from mgutils.synth import dataset as studio

TOP1 = {"seeds": 3, "top1": 80.0, "top1_min": 78.0, "top1_max": 83.0}
LOOKUP = {"row": "lookup", "method": "Clip look-up", "seeds": 0, "top1": 96.5, "top1_min": 96.5, "top1_max": 96.5,
          "top5": None, "uar": 90.0, "uar_min": 90.0, "uar_max": 90.0}
ROWS = [{"row": "report_js", "method": "JS (report)"} | TOP1
        | {name.replace("top1", score): value for score in ("top5", "uar") for name, value in TOP1.items()}, LOOKUP]
CLAIMS = {"js-above-ce": "reproduced", "bound": "refuted"}
FINDINGS = {"JS is above CE": "shown", "CE is below the constant class": "not shown"}


def write(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def write_results(tables, figures, rows=ROWS, claims=CLAIMS, findings=FINDINGS):
    listed = [{"id": name, "verdict": verdict} for name, verdict in claims.items()]
    write(figures / "claims.json", {"profile": "cpu", "images": "synthetic", "rows": listed})
    write(tables / "findings.json", {"findings": findings})
    write(tables / "table1.json", rows)


class EmptyPlan:
    """What ``studio.json`` counts."""

    frames = clips = ()
    videos = pd.DataFrame({"subject_id": []})


@pytest.fixture
def lines(tmp_path):
    """``lines(rows=, claims=, findings=)`` are those of a reader who got these."""
    published, out_dir, data_root = tmp_path / "figures", tmp_path / "out", tmp_path / "data"
    write_results(published, published)
    profile = get_profile("cpu")
    (data_root / "training").mkdir(parents=True)
    studio._write_record(profile.synth, EmptyPlan, "0", "cpu", data_root)

    def run(profile=profile, since=0.0, **results):
        if results or not out_dir.exists():
            write_results(out_dir / "tables", out_dir / "figures", **results)
        return compare(published, out_dir, profile, data_root, since=since)

    return run


def changed_row(**scores):
    return [ROWS[0] | scores, LOOKUP]


def test_equal_results_are_two_lines_and_both_machines(lines):
    said = lines()
    assert said[0] == "Compared with the published results (profile cpu, synthetic images):"
    assert said[1] == "all 5 numbers of Table 1 lie within the published seeds' spread"
    assert said[3] == "all 4 verdicts as published"
    assert said[4:] == ["Published numbers made on: not recorded.", "These numbers made on: not recorded."]


@pytest.mark.parametrize("top1", [75.0, 85.0, 80.0])
def test_as_far_away_as_the_seeds_from_each_other_is_within(lines, top1):
    assert lines(rows=changed_row(top1=top1))[1].startswith("all 5 numbers")


@pytest.mark.parametrize("top1", [74.9, 85.1])
def test_farther_away_is_listed_with_both_numbers(lines, top1):
    said = lines(rows=changed_row(top1=top1))
    assert said[1] == "1 of 5 numbers of Table 1 lie outside the published seeds' spread"
    assert said[2] == f"  JS (report), top-1: {top1} here, 80.0 published (seeds 78.0 to 83.0)"
    assert "highest score from their lowest" in said[3]


def test_every_score_and_every_row_is_compared(lines):
    far = changed_row(top5=70.0, uar=70.0)
    far[1] = LOOKUP | {"uar": 90.01}  # counted, without seeds: any difference is one
    assert [line.split(":")[0].strip() for line in lines(rows=far)[2:5]] == [
        "JS (report), top-5", "JS (report), UAR", "Clip look-up, UAR"]


def test_a_number_that_is_not_there_is_listed(lines):
    assert "  JS (report), top-1: no number here, 80.0 published (seeds 78.0 to 83.0)" in lines(rows=[LOOKUP])


def test_changed_verdicts_are_named_with_both_words(lines):
    changed = FINDINGS | {"JS is above CE": "not shown"}
    said = lines(claims={"js-above-ce": "not shown", "new": "partly"}, findings=changed)
    assert said[3:8] == ["4 of 5 verdicts changed",
                         "  claim js-above-ce: not shown here, reproduced published",
                         "  claim bound: none here, refuted published",
                         "  finding 'JS is above CE': not shown here, shown published",
                         "  claim new: partly here, none published"]


def test_another_profile_is_one_sentence(lines):
    assert lines(profile=get_profile("smoke")) == [
        "Not comparable with the published results: those are of profile cpu, synthetic images, "
        "these of profile smoke, other synthetic images."]


@pytest.mark.parametrize(("content", "found"), [(None, "other images"), ({"config": {"frames": 1}}, "other synthetic")])
def test_other_images_are_one_sentence(lines, tmp_path, content, found):
    record = tmp_path / "data" / "studio.json"
    record.unlink() if content is None else write(record, content)
    (said,) = lines()
    assert said.startswith("Not comparable") and found in said


def test_without_a_published_ledger_there_is_nothing_to_compare_with(lines, tmp_path):
    (tmp_path / "figures" / "claims.json").write_text("{")
    (said,) = lines()
    assert said.startswith("Not compared") and "claims.json" in said


@pytest.mark.parametrize(("file", "line"), [
    ("figures/table1.json", "Table 1: not compared; found no readable"),
    ("out/tables/table1.json", "Table 1: not compared; found no readable"),
    ("figures/findings.json", "Verdicts: not compared; found no readable"),
    ("out/tables/findings.json", "Verdicts: not compared; found no readable"),
    ("out/figures/claims.json", "Verdicts: not compared; found no readable")])
def test_a_missing_file_is_named_and_the_rest_is_compared(lines, tmp_path, file, line):
    lines()
    (tmp_path / file).unlink()
    said = lines()
    assert f"{line} {tmp_path / file}." in said
    assert sum(one.startswith("all ") for one in said) == 1


def test_results_of_an_earlier_run_are_said_to_be_so(lines, tmp_path):
    lines()
    for file in (tmp_path / "out").glob("*/*.json"):
        os.utime(file, (1000, 1000))
    said = lines(since=2000.0)
    assert said[1].endswith("spread (an earlier run's file)") and said[3].endswith("published (an earlier run's file)")
    assert "earlier" not in "".join(lines(since=500.0))


# -- machines --------------------------------------------------------------------------------------


def write_receipt(out_dir, name, **hardware):
    write(out_dir / "runs" / name / "receipt.json", {"versions": {"torch": "2.15.0"}, "hardware": hardware})


def test_the_machines_are_those_of_the_runs(lines, tmp_path):
    write_receipt(tmp_path / "out", "a", processor="B", gpu=None)
    for name in "bc":
        write_receipt(tmp_path / "out", name, processor="A", cpu_capability="AVX2", threads=2, cpus=64)
    write(tmp_path / "out" / "runs" / "d" / "receipt.json", {})
    (tmp_path / "out" / "runs" / "e").mkdir()
    write(tmp_path / "figures" / "made_on.json", machines(tmp_path / "out")[:1])
    write_results(tmp_path / "out" / "tables", tmp_path / "out" / "figures")
    assert lines()[-2:] == ["Published numbers made on: A, AVX2, threads: 2, torch 2.15.0.",
                            "These numbers made on: A, AVX2, threads: 2, torch 2.15.0 (runs: 2); "
                            "B, torch 2.15.0 (runs: 1)."]


# -- publishing ------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path):
    """A reproduction of two notebooks and the project that it belongs to."""
    for name in ("01_a", "02_b"):
        write(tmp_path / "notebooks" / "src" / f"{name}.py", "")
        write(tmp_path / "out" / "notebooks" / f"{name}.ipynb", name)
    (tmp_path / "README.md").write_text("")
    write(tmp_path / "out" / "tables" / "findings.json", {})
    record_all(tmp_path / "out" / "notebooks", tmp_path / "notebooks" / "src")
    return tmp_path


def test_publish_says_on_which_machine_the_runs_were_made(project):
    write_receipt(project / "out", "a", processor="A", threads=2)
    files = {project / "figures" / f"made_on.{kind}" for kind in ("json", "md")}
    assert files <= set(publish(project / "out", project))
    (machine,) = json.loads((project / "figures" / "made_on.json").read_text())
    assert machine == {"processor": "A", "threads": 2, "torch": "2.15.0", "runs": 1}


def test_publish_takes_the_notebooks_of_the_course_alone(project):
    write(project / "out" / "notebooks" / "03_renamed.ipynb", "of an older course")
    write(project / "out" / "notebooks" / "03_renamed.failed.ipynb", "of an older course")
    publish(project / "out", project)
    assert {path.name for path in (project / "notebooks").glob("*.ipynb")} == {"01_a.ipynb", "02_b.ipynb"}


def test_publish_refuses_what_is_no_complete_reproduction(project, capsys):
    (project / "out" / "notebooks" / "02_b.ipynb").write_text("my notes")
    assert main(["publish", "--out-dir", str(project / "out"), "--root", str(project)]) == 2
    said = capsys.readouterr().err
    assert "found changed since executed: 02_b; wanted" in said and "`mg reproduce --only 02 " in said
    assert not (project / "figures").exists() and not list((project / "notebooks").glob("*.ipynb"))
