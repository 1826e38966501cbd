"""The text of the notebooks: each number is what the published run found, each conclusion is true of it."""

import re

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from mgutils.course import prose
from mgutils.course.notebooks import SOURCES, execute, read_source, sources

PUBLISHED = sorted(SOURCES.parent.glob("*.ipynb"))


def text(*cells: str) -> nbformat.NotebookNode:
    return new_notebook(cells=[new_markdown_cell(cell) for cell in cells])


# -- finding -----------------------------------------------------------------------------------------------------------


def test_a_mark_is_a_number_its_expression_and_the_heading_above():
    found = prose.marks(text("# 07 Title\nIt has 4,800<!--= len(rows) --> images.",
                             "## 2. Scores\nOf 95.7<!--= 100 *\nbest['a'] --> %, −3.3<!--= gain --> are left."))
    assert found == [prose.Mark("07 Title", "4,800", "len(rows)"),
                     prose.Mark("2. Scores", "95.7", "100 * best['a']"), prose.Mark("2. Scores", "−3.3", "gain")]
    assert [mark.printed for mark in found] == [4800, 95.7, -3.3]


@pytest.mark.parametrize(("number", "value", "fits"), [
    ("95.7", 95.65, True), ("95.7", 95.749, True), ("95.7", 95.76, False), ("95.7", 95.64, False),
    ("4,800", 4800, True), ("4,800", 4801, False), ("3", 3.4, True), ("−0.5", -0.54, True), ("1.0", None, False)])
def test_a_number_fits_what_rounds_to_it(number, value, fits):
    assert prose.Mark("", number, "x").fits(value) is fits


@pytest.mark.parametrize("sentence", [
    "`x = 3` and $2^{10}$ and $$\\frac{1}{20}$$", "# 07 Title", "see notebook 04, section 2", "sections 3 to 5",
    "Radford et al. 2021", "ResNet-50, L2, top-5, float64, 3-D", "a 3 x 3 batch", "[text](https://a.b/12)",
    "*Core. Easy, 10 minutes.* Write it.", "between 0 and 1", "12<!--= len(rows) --> rows", "1. first\n2. second"])
def test_numbers_that_need_no_mark(sentence):
    assert prose.unmarked(text(sentence)) == []


@pytest.mark.parametrize("sentence", ["It scores 95.7 %.", "32 classes", "10 images", "from 5 to 12", "1.5 times"])
def test_numbers_that_need_one(sentence):
    assert prose.unmarked(text(sentence))


@pytest.mark.parametrize(("before", "sentence"), [
    ("It rose. So it *has* learned.", "So it *has* learned."),
    ("Of 95.7<!--= a --> % nearly\nall are left.", "Of 95.7 % nearly all are left."),
    ("First.\n\nThe seeds overlap:", "The seeds overlap:"),
    ("One.\n* the loss falls;\n* the seeds overlap", "the seeds overlap"),
    ("1. First.\n2. **No.** It is e.g. as low", "It is e.g. as low"),
    ("A<!--? x --> is true. B is", "B is")])
def test_a_conclusion_is_the_sentence_before_its_condition(before, sentence):
    found = prose.conclusions(text(f"# 07 Title\n{before}<!--? a >\n b --> More."))
    assert found[-1] == prose.Conclusion("07 Title", sentence, "a > b")
    assert prose.unmarked(text("It has learned.<!--? 3 > loss[12] -->")) == []


# -- running -----------------------------------------------------------------------------------------------------------

SOURCE = '''# %% [markdown]
# # 01 A
# Twice is 84.0<!--= 2 * answer --> and the report has 81.13<!--= claimed["table-1-js-top-1"] -->.
# It is more than forty.<!--? answer > 40 -->

# %% tags=["parameters"]
profile = "cpu"
seed = 0

# %%
answer = {answer}

# %% [markdown]
# ## Exercises
'''


@pytest.fixture
def ran(tmp_path):
    """Executes a notebook whose text is about another answer or the same."""
    folder = tmp_path / "src"
    folder.mkdir()

    def run(answer: str) -> nbformat.NotebookNode:
        (folder / "01_a.py").write_text(SOURCE.format(answer=answer), encoding="utf-8")
        return nbformat.read(execute(folder / "01_a.py", tmp_path / "01_a.ipynb", cwd=tmp_path), as_version=4)
    return run


def test_a_run_that_agrees_says_so_before_the_exercises(ran):
    notebook = ran("42")
    assert [cell.id for cell in notebook.cells][-2:] == ["01_a-numbers", "01_a-003"]
    assert str(prose.stored_comparison(notebook)) == (
        "All 2 numbers in the text are those of this run. All 1 conclusions that were put to the test hold here.")
    assert not any(cell.id == prose.BANNER for cell in notebook.cells)


@pytest.mark.parametrize(("answer", "shown"), [("40", "80.0"), ("None", "not measured")])
def test_a_run_that_differs_says_so_under_the_title_and_does_not_stop(ran, answer, shown):
    notebook = ran(answer)
    assert notebook.cells[1].id == prose.BANNER
    assert f"84.0 in “01 A” is {shown}" in notebook.cells[1].source and "1 of the 2 numbers" in notebook.cells[1].source
    assert notebook.cells[1].source.endswith("> Not so here (“01 A”): *It is more than forty.*")


def test_numbers_may_differ_where_the_conclusion_holds(ran):
    banner = ran("43").cells[1].source
    assert "1 of the 2 numbers" in banner and banner.endswith("“01 A” is 86.0.")
    assert "All 1 conclusions that were put to the test hold here." in banner


# -- the published notebooks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", sources(), ids=lambda path: path.stem)
def test_every_number_in_the_text_carries_a_mark(source):
    assert prose.unmarked(read_source(source)) == []


@pytest.mark.parametrize("source", sources(), ids=lambda path: path.stem)
def test_no_line_of_a_mark_begins_a_block_of_markdown(source):
    """A line that begins with > would be a quotation, and the mark would be seen."""
    lines = [line for cell in read_source(source).cells if cell.cell_type == "markdown"
             for mark in re.findall(r"<!--.*?-->", cell.source, re.DOTALL) for line in mark.splitlines()[1:]]
    assert [line for line in lines if re.match(r"\s*(>|[-+*] |#|\d+[.)] |=+\s*$|```|$)", line)] == []


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_every_number_in_the_text_is_what_the_published_run_found(path):
    notebook = nbformat.read(path, as_version=4)
    every_mark, stored = prose.marks(notebook), prose.stored_comparison(notebook)
    if every_mark:
        assert stored.marks == every_mark
        assert [(mark.number, mark.expression, value) for mark, value in zip(every_mark, stored.found, strict=True)
                if not mark.fits(value)] == []


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_every_conclusion_that_is_tested_is_true_of_the_published_run(path):
    notebook = nbformat.read(path, as_version=4)
    if found := prose.conclusions(notebook):
        stored = prose.stored_comparison(notebook)
        assert stored.conclusions == found and stored.untrue == []


def test_enough_conclusions_are_tested_and_none_is_true_by_itself():
    every = [one for path in PUBLISHED for one in prose.conclusions(nbformat.read(path, as_version=4))]
    assert len(every) >= 200
    for one in every:
        assert one.sentence and re.search(r"[A-Za-z_]{2}", one.condition), one
        assert prose._evaluate(one.condition, {}) is None, one  # it needs a result


def test_enough_numbers_are_guarded_and_a_wrong_digit_is_found():
    every = [(nbformat.read(path, as_version=4)) for path in PUBLISHED]
    guarded = [(mark, value) for notebook in every if (stored := prose.stored_comparison(notebook))
               for mark, value in zip(stored.marks, stored.found, strict=True) if not mark.is_literal]
    assert len(guarded) >= 80
    for mark, value in guarded:
        last = str((int(mark.number[-1]) + 2) % 10)  # the next digit may fit, too: 96.2 and 96.3 where it is 96.25
        wrong = prose.Mark(mark.section, mark.number[:-1] + last, mark.expression)
        assert mark.fits(value) and not wrong.fits(value), mark


def test_no_stored_output_gives_an_answer_away():
    for path in PUBLISHED:
        for cell in nbformat.read(path, as_version=4).cells:
            said = "".join(output.get("text", "") for output in cell.get("outputs", []))
            assert not re.search(r"^ +(?:expected|hint):", said, re.MULTILINE), (path.stem, cell.id)
