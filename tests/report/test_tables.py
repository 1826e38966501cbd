"""Table 1: the numbers of a row, the baselines, and what is written."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mgutils.config import OBJECTIVES
from mgutils.data.audit import Audit
from mgutils.report import tables

AUDIT = Audit(clip_shared=0.9, video_shared=1.0, subject_shared=1.0, lookup_top1=0.93, constant_top1=0.25,
              constant_top5=0.6)


def run(top1, top5=0.5, uar=0.3, predicted_classes=20, split="frame"):
    config = SimpleNamespace(objective="sound_ce", split=split, train=SimpleNamespace(epochs=12))
    return SimpleNamespace(metrics={"top1": top1, "top5": top5, "uar": uar, "predicted_classes": predicted_classes},
                           target=np.array([0, 0, 1, 3]), config=config)


@pytest.fixture
def table():
    runs = {"report_ce": [run(0.05, predicted_classes=1), run(0.07, predicted_classes=2)],
            "report_js": [run(0.4), run(0.6)], "sound_ce": [run(0.9), run(0.8)], "sound_js": [run(0.85), run(0.85)]}
    return tables.table1(runs, AUDIT)


def test_one_row_for_each_objective_and_baseline(table):
    assert list(table["row"]) == [*OBJECTIVES, "constant", "lookup"]
    assert list(tables.METHODS) == list(table["row"])


def test_mean_and_extremes_are_percentages(table):
    row = table.set_index("row").loc["report_js"]
    assert (row["top1"], row["top1_min"], row["top1_max"]) == pytest.approx((50, 40, 60))
    assert row["seeds"] == 2 and row["epochs"] == 12 and row["uar"] == pytest.approx(30)
    assert table.set_index("row").loc["report_ce", "predicted_classes"] == 1.5


def test_reported_numbers_stand_only_where_the_report_has_them(table):
    table = table.set_index("row")
    assert tuple(table.loc["report_ce", ["iMiGUE_top1", "iMiGUE_top5"]]) == (22.54, 27.71)
    assert tuple(table.loc["report_js", ["iMiGUE_top1", "iMiGUE_top5"]]) == (81.13, 94.33)
    assert table.loc[["sound_ce", "sound_js"], "iMiGUE_top1"].isna().all()
    assert table.loc["report_ce", "iMiGUE_top1"] < table.loc["constant", "iMiGUE_top1"]


def test_baselines_come_from_the_audit(table):
    table = table.set_index("row")
    assert table.loc["constant", "top1"] == 25 and table.loc["constant", "top5"] == 60
    assert table.loc["lookup", "top1"] == 93 and np.isnan(table.loc["lookup", "top5"])


def test_the_constant_class_has_recall_one_and_the_look_up_that_of_its_answers(table):
    assert table.set_index("row").loc["constant", "uar"] == pytest.approx(100 / 3)
    assert np.isnan(table.set_index("row").loc["lookup", "uar"])
    lookup = tables.table1({"sound_ce": [run(0.5)]}, AUDIT, np.array([0, 1, 1, 1])).set_index("row").loc["lookup"]
    assert (lookup["uar"], lookup["predicted_classes"]) == (pytest.approx(50), 2)


def test_a_constant_class_that_is_not_in_validation_has_no_recall():
    table = tables.table1({"sound_ce": [run(0.5)]}, replace(AUDIT, constant_top1=0.0))
    assert table.set_index("row").loc["constant", "uar"] == 0


def test_splits_stand_beside_one_another_above_their_constant_class():
    runs = [[run(0.9), run(0.8)], [run(0.3, split="subject"), run(0.2, split="subject")]]
    lines = tables.beside(runs, {"subject": AUDIT}).splitlines()
    assert lines[3] == "| Cross-entropy (sound control) | subject | 12 | 25.0 (20.0 to 30.0) | 50.0 (50.0 to 50.0) | " \
        "30.0 (30.0 to 30.0) |"
    assert lines[4:] == ["| Constant class | subject | – | 25.0 | 60.0 | 33.3 |"]
    assert len(tables.beside(runs).splitlines()) == 4


def test_markdown_has_a_line_for_each_row_and_says_what_it_is(table):
    text = tables.to_markdown(table)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(table) and len({line.count("|") for line in lines}) == 1
    assert "50.0 (40.0 to 60.0)" in text and "22.54" in text and "nan" not in text.lower()
    assert all(method.what in text for method in tables.METHODS.values())


def test_one_seed_has_no_spread():
    row = tables.to_markdown(tables.table1({"sound_ce": [run(0.5)]}, AUDIT)).splitlines()[2]
    assert "| 12 | 50.0 | 50.0 | 30.0 | 20 |" in row


def test_written_three_times_and_read_back(table, tmp_path):
    tables.write(table, tmp_path / "tables" / "table1")
    files = [tmp_path / "tables" / f"table1.{ending}" for ending in ("md", "csv", "json")]
    assert files[0].read_text(encoding="utf-8") == tables.to_markdown(table)
    assert pd.read_csv(files[1])["top1"].tolist() == pytest.approx(table["top1"].tolist())
    rows = json.loads(files[2].read_text(encoding="utf-8"))
    assert rows[-1]["row"] == "lookup" and rows[-1]["top5"] is None
