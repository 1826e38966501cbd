"""The numbers of README.md and docs/ are those of the files in ``figures/``: copied by code, never typed."""

from pathlib import Path

import pytest
from reproductions import record_all

from mgutils.course.publish import generate, publish
from mgutils.errors import ConfigError, MgError
from mgutils.report.readme import fill, fill_pages, pages, read_parts

ROOT = Path(__file__).parents[2]


def test_every_part_is_what_code_makes_and_stands_once():
    texts, found = generate(ROOT), [part for page in pages(ROOT) for part in read_parts(page).items()]
    assert len(found) == len(texts) > 10
    for name, text in found:
        assert text == texts[name].strip(), name


def test_parts_are_filled_on_the_page_where_they_stand(tmp_path):
    (tmp_path / "docs").mkdir()
    texts = {"README.md": "none", "docs/a.md": "<!-- begin one -->\n<!-- end one -->\n", "docs/b.md": "none"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert fill_pages(tmp_path, {"one": "new"}) == [tmp_path / "docs" / "a.md"]
    assert read_parts(tmp_path / "docs" / "a.md") == {"one": "new"}
    with pytest.raises(ConfigError, match="no page with the part 'two'"):
        fill_pages(tmp_path, {"one": "newer", "two": ""})
    assert read_parts(tmp_path / "docs" / "a.md") == {"one": "new"}


def test_fill_replaces_its_part_alone_and_again(tmp_path):
    file = tmp_path / "a.md"
    file.write_text("head\n<!-- begin one -->\nold\n<!-- end one -->\ntail \\1\n")
    for text in ("new \\g<0>\n", "newer"):
        fill(file, {"one": text})
        assert read_parts(file) == {"one": text.strip()}
    assert file.read_text() == "head\n<!-- begin one -->\nnewer\n<!-- end one -->\ntail \\1\n"
    with pytest.raises(ConfigError, match="two"):
        fill(file, {"two": ""})


def test_a_result_that_is_missing_is_named(tmp_path):
    (tmp_path / "README.md").write_text("<!-- begin headline -->\n<!-- end headline -->\n")
    with pytest.raises(ConfigError, match=r"subject\.md: not there; wanted it for the part 'headline'"):
        generate(tmp_path)


def test_publish_wants_a_whole_reproduction_and_copies_it(tmp_path):
    out, root = tmp_path / "out", tmp_path / "project"
    for name in ("notebooks/01_a.ipynb", "figures/a.png", "figures/claims.json", "figures/claims.md",
                 "tables/table1.md", "tables/findings.json"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(f"the {name}")
    (root / "notebooks" / "src").mkdir(parents=True)
    (root / "notebooks" / "src" / "01_a.py").write_text("")
    with pytest.raises(ConfigError, match="not recorded as executed: 01_a"):
        publish(out, root)
    record_all(out / "notebooks", root / "notebooks" / "src")
    (root / "README.md").write_text("<!-- begin table1 -->\n<!-- end table1 -->\n"
                                    "<!-- begin kept -->\nx\n<!-- end kept -->")
    (out / "tables" / "findings.json").rename(tmp_path / "findings.json")
    with pytest.raises(ConfigError, match="found no tables/findings.json"):
        publish(out, root)
    assert not (root / "figures").exists() and not list((root / "notebooks").glob("*.ipynb"))
    (tmp_path / "findings.json").rename(out / "tables" / "findings.json")
    (root / "docs").mkdir()
    (root / "docs" / "b.md").write_text("<!-- begin table1 -->\n<!-- end table1 -->\n")
    assert len(publish(out, root)) == 8
    assert read_parts(root / "README.md") == {"table1": "the tables/table1.md", "kept": "x"}
    assert read_parts(root / "docs" / "b.md") == {"table1": "the tables/table1.md"}
    assert (root / "figures" / "claims.json").read_text() == "the figures/claims.json"
    assert (root / "figures" / "a.png").exists() and (root / "notebooks" / "01_a.ipynb").exists()
    with pytest.raises(MgError, match="01_a.ipynb: changed since it was built"):  # somebody's notes, not a notebook
        publish(out, root)
