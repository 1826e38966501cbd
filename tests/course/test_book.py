"""The static site: an index, a page per notebook, links between them, nothing to fetch."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from offline_pages import network_references
from reproductions import record_all

from mgutils.cli import main
from mgutils.course import notebooks
from mgutils.course.book import write_book
from mgutils.course.manifest import MANIFEST
from mgutils.course.map import record_minutes
from mgutils.errors import MgError
from mgutils.experiments.table1 import table1_runs

PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
OPENING = """# {number} Title {number}: with <b> & $\\tau$

**You will be able to**
* do *one* thing;
* name `label_matrix`
  and more.

See [the second](02_b.ipynb), [no page](99_z.ipynb) and [out](https://doi.org/x)."""


@pytest.fixture
def notebook_dir(tmp_path):
    folder = tmp_path / "out" / "notebooks"
    folder.mkdir(parents=True)
    for name in ("01_a", "02_b", "03_c"):
        figure = new_output("display_data", data={"image/png": PIXEL})
        cells = [new_markdown_cell(OPENING.format(number=name[:2])),
                 new_code_cell("plot()", outputs=[figure] if name != "03_c" else [])]
        notebook = new_notebook(cells=cells, metadata={"papermill": {"parameters": {"profile": "smoke"}}})
        nbformat.write(notebook, folder / f"{name}.ipynb")
    for no_chapter in ("draft", "04_d.failed"):
        nbformat.write(new_notebook(), folder / f"{no_chapter}.ipynb")
    return folder


def test_the_site_has_an_index_and_links_both_ways(notebook_dir, tmp_path):
    record_minutes(tmp_path / "out" / "tables" / "minutes.csv", "02_b", "smoke", 1.5)
    index = write_book(notebook_dir, tmp_path / "book", profile="smoke", out_dir=tmp_path / "out")
    assert {path.name for path in index.parent.iterdir()} == {"index.html", "01_a.html", "02_b.html", "03_c.html"}
    text = index.read_text(encoding="utf-8")
    assert re.findall(r'<a href="([^"]+)"', text) == ["01_a.html", "02_b.html", "03_c.html"]
    assert "<code>smoke</code>" in text and text.count("1 figure<") == 2 and "1.5 min to run" in text
    assert "do one thing; name label_matrix and more." in text and "&lt;b&gt; &amp;" in text
    middle = (index.parent / "02_b.html").read_text(encoding="utf-8")
    nav = re.search(r"<nav.*?</nav>", middle, re.DOTALL)[0]
    assert re.findall(r'href="([^"]+)"', nav) == ["index.html", "01_a.html", "03_c.html"]
    first = (index.parent / "01_a.html").read_text(encoding="utf-8")
    assert 'href="02_b.html"' in first and 'href="99_z.ipynb"' in first and 'href="https://doi.org/x"' in first
    assert 'rel="prev"' not in first and 'rel="next"' in first


def test_no_page_fetches_anything(notebook_dir, tmp_path):
    index = write_book(notebook_dir, tmp_path / "book")
    for page in index.parent.iterdir():
        assert network_references(page.read_text(encoding="utf-8")) == [], page.name


@pytest.mark.slow
def test_the_same_notebooks_give_the_same_bytes(notebook_dir, tmp_path):
    texts = []
    for _ in range(2):
        write_book(notebook_dir, tmp_path / "book", profile="smoke")
        texts.append({path.name: path.read_bytes() for path in (tmp_path / "book").iterdir()})
    assert texts[0] == texts[1]


@pytest.mark.slow
def test_the_runs_of_table_1_get_a_microscope(notebook_dir, tiny_template, tmp_path):
    table1_runs("smoke", tiny_template, tmp_path / "out", objectives=["sound_js"], jobs=1)
    index = write_book(notebook_dir, tmp_path / "book", profile="smoke", out_dir=tmp_path / "out",
                       data_root=tiny_template)
    assert re.findall(r'href="(microscope[^"]+)"', index.read_text(encoding="utf-8")) == ["microscope-sound_js.html"]
    assert 'href="index.html"' in (index.parent / "microscope-sound_js.html").read_text(encoding="utf-8")


@pytest.fixture
def mg_book(notebook_dir, tmp_path, monkeypatch):
    """``mg_book(words)`` runs ``mg book`` where the course has notebooks 01 and 02; returns the exit status."""
    monkeypatch.chdir(tmp_path)
    for name in ("01_a", "02_b"):
        (tmp_path / "src").mkdir(exist_ok=True)
        (tmp_path / "src" / f"{name}.py").write_text("")
    monkeypatch.setattr(notebooks, "SOURCES", tmp_path / "src")
    return lambda *words: main(["book", "--profile", "smoke", "--out-dir", "out", *words])


@pytest.mark.slow
def test_the_command_takes_the_executed_notebooks_or_those_of_the_project(notebook_dir, tmp_path, mg_book, capsys):
    record_all(notebook_dir, tmp_path / "src")
    assert mg_book() == 0
    assert {path.name for path in (tmp_path / "out" / "book").iterdir()} == {"index.html", "01_a.html", "02_b.html"}
    (notebook_dir / MANIFEST).unlink()
    notebook_dir.rename(tmp_path / "notebooks")
    assert mg_book("--book-dir", "site") == 0
    assert (tmp_path / "site" / "03_c.html").exists()
    assert mg_book("--notebooks", "notebooks", "--book-dir", "named") == 0
    assert capsys.readouterr().err == ""


def test_a_book_is_of_a_complete_reproduction_alone(notebook_dir, tmp_path, mg_book, capsys):
    assert mg_book() == 2
    assert "not recorded as executed: 01_a, 02_b; wanted" in capsys.readouterr().err
    record_all(notebook_dir, tmp_path / "src")
    (notebook_dir / "02_b.ipynb").write_text("{}")
    for words in ((), ("--notebooks", "out/notebooks")):
        assert mg_book(*words) == 2
        assert "found changed since executed: 02_b; wanted" in capsys.readouterr().err
    assert not (tmp_path / "out" / "book").exists()


def test_no_notebook_or_a_broken_one_is_a_users_mistake(notebook_dir, tmp_path, capsys):
    assert main(["book", "--notebooks", str(tmp_path), "--book-dir", str(tmp_path / "book")]) == 2
    assert "found no notebook" in capsys.readouterr().err and not (tmp_path / "book").exists()
    (notebook_dir / "02_b.ipynb").write_text("{")
    with pytest.raises(MgError, match="02_b.ipynb: not a readable notebook"):
        write_book(notebook_dir, tmp_path / "book")
