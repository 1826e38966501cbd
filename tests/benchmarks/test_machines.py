"""Reproductions laid side by side: what differs is named, what is equal is counted."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from benchmarks import machines
from mgutils.course.prose import Comparison, Conclusion, Mark
from mgutils.errors import ConfigError


def leave(folder, top1, verdict="refuted", finding="holds"):
    """What a reproduction leaves, cut down to one row of each."""
    for part in ("tables", "figures"):
        (folder / part).mkdir(parents=True)
    row = {"row": "sound_ce", "method": "CE", "top1": top1, "top1_min": top1 - 1, "top1_max": top1 + 1}
    (folder / "tables" / "table1.json").write_text(json.dumps([row]))
    (folder / "tables" / "findings.json").write_text(json.dumps({"findings": {"JS above CE": finding}}))
    rows = [{"id": "a", "verdict": verdict}, {"id": "b", "verdict": "reproduced"}]
    (folder / "figures" / "claims.json").write_text(json.dumps({"rows": rows}))
    return folder


def test_ranges_and_what_differs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    leave(tmp_path / "one", 90.0)
    leave(tmp_path / "two", 92.5, verdict="not shown", finding="not shown")
    machines.main(["published=one", "a setting=x, other=two"])
    text = machines.PAGE.read_text()
    assert "| CE | top1 | 90.0 | 92.5 | 2.5 | 89.0 to 91.0 |" in text
    assert "**The report** (published; a setting=x, other): 1 of 2 are equal on all 2." in text
    assert "| a | refuted | not shown |" in text and "| b |" not in text
    assert "| JS above CE | holds | not shown |" in text


def test_other_originals_and_the_numbers_of_the_text_where_they_are(tmp_path):
    one, two = leave(tmp_path / "one", 90.0), leave(tmp_path / "two", 90.0)
    ledger = {"rows": [{"id": "c", "verdict": "not shown"}]}
    (one / "figures" / "claims_cmvra.json").write_text(json.dumps(ledger))
    comparison = Comparison([Mark("Heat", "90.0", "a"), Mark("Heat", "1.5", "b")], [90.01, 2.5], "profile cpu",
                            [Conclusion("Heat", "It is hot.", "a > 95")], [False])
    cell = new_code_cell("", outputs=[new_output("display_data", comparison._repr_mimebundle_())])
    (one / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=[cell]), one / "notebooks" / "06_training.ipynb")
    text = machines.page([machines.read_machine("published", one), machines.read_machine("other", two)])
    assert "**CMVRA** (published): 1 of 1 are equal on all 1." in text
    assert "| 06_training | 2 | 1 | 1, 1 | – |" in text
    assert "* published, 06_training: It is hot." in text


def test_a_note_between_title_and_table_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    leave(tmp_path / "one", 90.0)
    machines.main(["published=one", "again=one"])
    machines.PAGE.write_text(machines.PAGE.read_text().replace("\n\n## Table 1", "\n\nMade by hand.\n\n## Table 1", 1))
    machines.main(["published=one", "again=one"])
    text = machines.PAGE.read_text()
    assert text.count("Made by hand.") == 1 and "2 of 2 are equal" in text and "Differs" not in text


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="found no table1.json"):
        machines.read_machine("a", tmp_path)
