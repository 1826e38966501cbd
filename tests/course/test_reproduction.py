"""The record of a reproduction: what it holds, what takes a notebook out of it, and that the remedy exists."""

import hashlib
import json
import re
import shlex
from pathlib import Path

import pytest
from reproductions import PARAMETERS, record, record_all

from mgutils.cli import main
from mgutils.course import reproduce as course
from mgutils.course.manifest import MANIFEST, complete_notebooks, recorded
from mgutils.course.notebooks import sources
from mgutils.errors import ConfigError, NotebookError


@pytest.fixture
def source_dir(tmp_path):
    folder = tmp_path / "notebooks" / "src"
    folder.mkdir(parents=True)
    for name in ("01_a", "02_b", "03_c"):
        (folder / f"{name}.py").write_text(f"# {name}")
    return folder


@pytest.fixture
def executed(source_dir, tmp_path):
    """A complete reproduction of three notebooks."""
    folder = tmp_path / "out" / "notebooks"
    folder.mkdir(parents=True)
    for source in sources(source_dir):
        (folder / f"{source.stem}.ipynb").write_text(f"executed {source.stem}")
    record_all(folder, source_dir)
    return folder


def entries(folder):
    return json.loads((folder / MANIFEST).read_text())["notebooks"]


def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_entry_says_what_was_executed_with_what(executed, source_dir):
    entry = entries(executed)["02_b"]
    assert entry.items() >= PARAMETERS.items() and entry["minutes"] >= 0 and "commit" in entry
    assert entry["source_sha256"] == sha256(source_dir / "02_b.py")
    assert entry["executed_sha256"] == sha256(executed / "02_b.ipynb")
    assert list(entries(executed)) == ["01_a", "02_b", "03_c"]
    assert [path.name for path in complete_notebooks(executed, sources(source_dir))] == [
        "01_a.ipynb", "02_b.ipynb", "03_c.ipynb"]
    assert not list(executed.glob("*.partial*"))


@pytest.mark.parametrize("end", [NotebookError, KeyboardInterrupt, SystemExit])
def test_a_notebook_that_is_being_executed_or_failed_has_no_entry(executed, source_dir, end):
    with pytest.raises(end):
        with recorded(executed / "02_b.ipynb", source_dir / "02_b.py", PARAMETERS, executed):
            assert list(entries(executed)) == ["01_a", "03_c"]  # what a kill leaves
            raise end
    assert list(entries(executed)) == ["01_a", "03_c"]


def test_a_source_that_changes_meanwhile_makes_the_notebook_older(executed, source_dir):
    with recorded(executed / "02_b.ipynb", source_dir / "02_b.py", PARAMETERS, executed):
        (source_dir / "02_b.py").write_text("# anew")
    with pytest.raises(ConfigError, match="older than their source: 02_b"):
        complete_notebooks(executed, sources(source_dir))


def remove(file):
    return lambda folder: (folder / file).unlink()


def fail(folder):
    """As the course does with a notebook that fails."""
    with pytest.raises(NotebookError), recorded(folder / "02_b.ipynb", folder.parents[1] / "notebooks/src/02_b.py",
                                                PARAMETERS, folder):
        (folder / "02_b.ipynb").rename(folder / "02_b.failed.ipynb")
        raise NotebookError


def forget(folder):
    kept = {name: entry for name, entry in entries(folder).items() if name != "02_b"}
    (folder / MANIFEST).write_text(json.dumps({"notebooks": kept}))


def otherwise(data_root="nowhere", **parameters):
    return lambda folder: record(folder, folder.parents[1] / "notebooks/src/02_b.py", data_root, **parameters)


def other_data(folder):
    (folder.parent / "data").mkdir()
    (folder.parent / "data" / "studio.json").write_text("{}")
    otherwise("data")(folder)


DAMAGES = {
    "missing": (remove("02_b.ipynb"), "missing 02_b"),
    "failed": (fail, "failed 02_b"),
    "by hand": (forget, "not recorded as executed: 02_b"),
    "source": (lambda folder: (folder.parents[1] / "notebooks/src/02_b.py").write_text("# anew"),
               "older than their source: 02_b"),
    "bytes": (lambda folder: (folder / "02_b.ipynb").write_text("mine"), "changed since executed: 02_b"),
    "seed": (otherwise(seed=4), "of another profile, seed or dataset: 02_b"),
    "profile": (otherwise(profile="cpu"), "of another profile, seed or dataset: 02_b"),
    "data": (other_data, "of another profile, seed or dataset: 02_b"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_in_the_way_is_named_with_a_command_that_exists(executed, source_dir, name, monkeypatch, capsys):
    damage, found = DAMAGES[name]
    damage(executed)
    with pytest.raises(ConfigError, match=f"found {found}; wanted") as caught:
        complete_notebooks(executed, sources(source_dir))
    command, asked = re.search("`mg (.*)`", str(caught.value))[1], []
    monkeypatch.setattr(course, "reproduce", lambda *words, **options: asked.append((words, options)))
    assert main(shlex.split(command)) == 0, capsys.readouterr().err
    (profile, data_root, seed, out_dir, only), _ = asked[0]
    assert (profile, data_root.as_posix(), seed, out_dir) == ("smoke", "data/smoke", 3, executed.parent)
    assert only == (None if name in ("seed", "profile", "data") else ["02"])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"notebooks": 3}', '{"notebooks": {"01_a": 3}}', "{}", None])
def test_without_a_readable_manifest_nothing_is_recorded(executed, source_dir, content):
    remove(MANIFEST)(executed)
    if content is not None:
        (executed / MANIFEST).write_text(content)
    with pytest.raises(ConfigError, match="not recorded as executed: 01_a, 02_b, 03_c; .* `mg reproduce --all "):
        complete_notebooks(executed, sources(source_dir))


def test_faults_of_several_kinds_come_together(executed, source_dir):
    remove("01_a.ipynb")(executed)
    fail(executed)
    with pytest.raises(ConfigError, match="found missing 01_a; failed 02_b; .* --only 01 02 --profile"):
        complete_notebooks(executed, sources(source_dir))


def test_the_other_systems_come_along_only_where_they_are_asked_for():
    names = [Path(f"{number}_a.py") for number in ("00", "05", "09", "10", "13", "14", "A1")]

    def chosen(*arguments, **options):
        return [path.stem[:2] for path in course.choose(names, *arguments, **options)]

    assert chosen() == ["00", "05", "09", "14", "A1"]
    assert chosen(everything=True) == [path.stem[:2] for path in names]
    assert chosen(None, "09") == ["09", "14", "A1"]
    assert chosen(None, "10") == ["10", "13", "14", "A1"]
    assert chosen(["10", "5"]) == ["05", "10"]
