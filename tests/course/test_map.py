"""The map of the course: titles and needs from the notebooks, minutes from what was measured."""

import numpy as np
import pandas as pd
import pytest

from mgutils.course import reproduce as course
from mgutils.course.exercises import all_exercises
from mgutils.course.map import QUESTIONS, as_markdown, course_map, questions_table, read_minutes, record_minutes
from mgutils.course.notebooks import sources
from mgutils.errors import MgError

SOURCE = '''# %% [markdown]
# # {number} {title}: what it is
#
# **You will be able to**
# * read.
#
# **Needs** {needs}

# %% tags=["parameters"]
profile = "cpu"
data_root = "../data/cpu"
seed = 0
out_dir = "../out/cpu"
'''


@pytest.fixture
def source_dir(tmp_path):
    folder = tmp_path / "notebooks" / "src"
    folder.mkdir(parents=True)
    needed = {"01": "no other notebook. It takes a minute.", "02": "notebook 01 (the data, and\n# more)."}
    for number, needs in needed.items():
        (folder / f"{number}_x.py").write_text(SOURCE.format(number=number, title="Data", needs=needs))
    return folder


def test_the_first_and_the_latest_time_are_kept_by_notebook_and_profile(tmp_path):
    file = tmp_path / "tables" / "minutes.csv"
    for minutes in (3.0, 9.0, 0.5):  # the second on a loaded machine
        record_minutes(file, "02_b", "cpu", minutes)
    record_minutes(file, "01_a", "cpu", 1.0)
    record_minutes(file, "01_a", "smoke", 2.0)
    assert read_minutes(file).astype(object).replace({np.nan: None}).values.tolist() == [
        ["01_a", "smoke", 2.0, None], ["01_a", "cpu", 1.0, None], ["02_b", "cpu", 3.0, 0.5]]
    assert [path.name for path in file.parent.iterdir()] == ["minutes.csv"]


def test_minutes_that_only_the_second_run_measured_stay_unknown_for_the_first(tmp_path):
    file = tmp_path / "minutes.csv"
    file.write_text("notebook,profile,minutes,again\n04_x,cpu,,0.4\n")
    assert pd.isna(read_minutes(file)["minutes"][0])
    record_minutes(file, "04_x", "cpu", 0.5)
    assert pd.isna(read_minutes(file)["minutes"][0]) and read_minutes(file)["again"][0] == 0.5


def test_a_run_that_had_to_train_counts_as_a_first_one_unless_less_was_missing(tmp_path):
    file = tmp_path / "minutes.csv"
    file.write_text("notebook,profile,minutes,again\n04_x,cpu,,0.4\n")
    record_minutes(file, "04_x", "cpu", 5.0, trained=True)
    assert read_minutes(file).values.tolist() == [["04_x", "cpu", 5.0, 0.4]]
    record_minutes(file, "04_x", "cpu", 1.0, trained=True)
    assert read_minutes(file).values.tolist() == [["04_x", "cpu", 5.0, 0.4]]


def test_a_file_that_is_no_such_table_is_an_error(tmp_path):
    file = tmp_path / "minutes.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(MgError, match="not a table of minutes"):
        read_minutes(file)


def test_the_map_reads_titles_needs_and_minutes(source_dir, tmp_path):
    record_minutes(tmp_path / "minutes.csv", "02_x", "cpu", 1.26)
    table = course_map(tmp_path / "minutes.csv", "cpu", source_dir)
    assert table["needs"].tolist() == ["no other notebook", "notebook 01"]
    assert as_markdown(table).splitlines()[2:] == [
        "| 01 | [Data: what it is](01_x.ipynb) | no other notebook | – | – |",
        "| 02 | [Data: what it is](02_x.ipynb) | notebook 01 | 1.3 | – |"]


def test_the_course_itself_has_titles_and_needs():
    table = course_map("nowhere.csv", "cpu")
    assert table["notebook"].tolist() == [source.stem for source in sources()]
    assert table["needs"].str.len().min() > 0
    assert [title[:2] for title in table["title"]] == [name[:2] for name in table["notebook"]]


def test_every_notebook_has_a_question():
    assert list(QUESTIONS) == [source.stem for source in sources()]


def test_the_readmes_table_has_links_minutes_and_sums(source_dir, tmp_path):
    record_minutes(tmp_path / "figures" / "minutes.csv", "01_x", "cpu", 1.26)
    record_minutes(tmp_path / "figures" / "minutes.csv", "02_x", "cpu", 2.0)
    record_minutes(tmp_path / "figures" / "minutes.csv", "02_x", "smoke", 9.0)
    assert questions_table(tmp_path).splitlines()[2:] == [
        "| [01 Data](notebooks/01_x.ipynb) | | 1.3 | 5 |", "| [02 Data](notebooks/02_x.ipynb) | | 2.0 | 4 |",
        f"| together | | 3.3 | {len(all_exercises())} |"]


@pytest.mark.slow
def test_reproduce_writes_the_minutes_of_what_it_ran(source_dir, tmp_path):
    (tmp_path / "data").mkdir()
    for only in (["01"], ["02"]):
        course.reproduce("smoke", tmp_path / "data", 0, tmp_path / "out", only, source_dir)
    minutes = read_minutes(tmp_path / "out" / "tables" / "minutes.csv")
    assert minutes[["notebook", "profile"]].values.tolist() == [["01_x", "smoke"], ["02_x", "smoke"]]
    assert (minutes["minutes"] > 0).all()
