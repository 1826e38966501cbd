"""The README's own parts: what was found, the result, the rooms; each word and number from a file."""

import json
import re
import shutil
from pathlib import Path

import pytest

from mgutils.course.front_page import MAKERS, found, headline, package_map, rooms, systems
from mgutils.report.readme import read_parts

ROOT = Path(__file__).parents[2]
FILES = ("table1.json", "claims.json", "claims_cmvra.json", "findings.json", "subject.md", "long_training.md")


@pytest.fixture
def project(tmp_path):
    """A project with a copy of the published results."""
    (tmp_path / "figures").mkdir()
    for name in FILES:
        shutil.copy(ROOT / "figures" / name, tmp_path / "figures")
    return tmp_path


def edit(file: Path, change) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")


def test_the_readme_has_every_part():
    assert read_parts(ROOT / "README.md").keys() == MAKERS.keys()


def test_each_finding_follows_its_file(project):
    lines = found(project).splitlines()
    assert len(lines) == 3 and all(len(re.findall(r"\d+\.\d+", line)) == 1 for line in lines)
    edit(project / "figures" / "table1.json", lambda rows: rows[-1].update(iMiGUE_top1=11.11))
    edit(project / "figures" / "claims.json", lambda ledger: [
        row.update(spread=[77.7, 99.9]) for row in ledger["rows"] if row["id"] == "code-bounded"])
    changed = found(project).splitlines()
    assert "11.11 %" in changed[0] and changed[1] == lines[1] and "77.7" in changed[2]


def test_the_result_has_five_columns_and_the_verdicts_of_the_files(project):
    rows = [line.strip("|").split(" | ") for line in headline(project).splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} == {5} and len(rows) == 9
    for row, published in zip(rows[2:], json.loads((ROOT / "figures" / "table1.json").read_text()), strict=False):
        assert row[0].strip() == published["method"] and row[1].startswith(f"{published['top1']:.1f}")
    subject = (ROOT / "figures" / "subject.md").read_text().splitlines()[-2].split(" | ")
    assert rows[4][3] == subject[3] != rows[4][1]

    def swap(content):
        content["findings"] = {name: f"was {word}" for name, word in content["findings"].items()}

    edit(project / "figures" / "findings.json", swap)
    assert headline(project).count("**was ") == 4


@pytest.mark.parametrize(("found_by_check", "word"), [(True, "holds"), (False, "does not hold"), (None, "not shown")])
def test_the_fourth_verdict_is_the_ledgers(project, found_by_check, word):
    def judge(ledger):
        checks = next(row["checks"] for row in ledger["rows"] if row["id"] == "js-superior")
        checks["the Jensen-Shannon divergence is better than cross entropy"] = found_by_check

    edit(project / "figures" / "claims.json", judge)
    assert f"better than cross entropy: **{word}**" in headline(project)


def test_each_system_that_has_a_ledger_has_a_line(project):
    lines = systems(project).splitlines()
    assert lines[0] == "| System | Claims | Refuted | Partly | Not shown | Reproduced |" and len(lines) == 4
    counts = json.loads((ROOT / "figures" / "claims_cmvra.json").read_text())["counts"]
    wanted = [sum(counts.values()), *(counts[name] for name in ("refuted", "partly", "not shown", "reproduced"))]
    assert lines[3] == f"| CMVRA | {' | '.join(map(str, wanted))} |"


def test_the_map_names_the_rooms_that_there_are():
    folders = {folder.name for folder in (ROOT / "mgutils").iterdir() if (folder / "__init__.py").exists()}
    assert package_map().keys() == folders
    listed = re.findall(r"^\* `(\w+)`: ", read_parts(ROOT / "README.md")["rooms"], re.MULTILINE)
    assert listed == list(package_map()) and len(rooms(ROOT).splitlines()) == len(folders)


def test_what_the_map_says_to_read_exists():
    import mgutils

    named = re.findall(r"``([\w/]+\.py)``", mgutils.__doc__)
    single = re.findall(r"``(\w+)``", mgutils.__doc__.partition("belong to all")[0].rpartition("command")[2])
    files = {file.stem for file in (ROOT / "mgutils").glob("*.py") if not file.stem.startswith("_")}
    assert len(named) == 5 and all((ROOT / "mgutils" / name).exists() for name in named)
    assert set(single) == files
