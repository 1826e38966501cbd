"""The student's and the instructor's notebooks: what is taken out, what stays, what is never overwritten."""

import json

import nbformat
import numpy as np
import pytest
import torch
from exercise_list import list_exercises
from exercise_scores import solutions

from mgutils.cli import main
from mgutils.course import notebooks
from mgutils.course.executed import describe_pictures, without_answers
from mgutils.course.exercises import all_exercises
from mgutils.course.exercises.catalogue import judge
from mgutils.course.grading import reader
from mgutils.course.notebooks import build, read_source
from mgutils.course.versions import fingerprint, is_as_built, student_source
from mgutils.errors import MgError

SOLUTION = '''import numpy as np


def mean(values: list[float],
         weights: list[float] | None = None) -> float:
    """The mean."""
    # Hint: `np.average`.
    secret = np.average(values, weights=weights)
    # Hint: and return it.
    return secret


def _helper():
    return "secret"


SECRET = 3
'''
SOURCE = f'''# %% [markdown]
# ### Exercise: a mean
# *Easy, 10 minutes.* Write `mean`. You will see a mean.

# %% tags=["parameters"]
seed = 0

# %%
print("before")

# %% tags=["solution"]
{SOLUTION}
# %%
print(mean([1, 2]))
'''


@pytest.fixture
def source_dir(tmp_path):
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "01_a.py").write_text(SOURCE, encoding="utf-8")
    return folder


def test_a_stub_keeps_imports_signature_and_docstring():
    stub = student_source(SOLUTION, "x")
    assert stub == '''import numpy as np


def mean(values: list[float],
         weights: list[float] | None = None) -> float:
    """The mean."""
    ...'''
    scope = {}
    exec(stub, scope)
    assert scope["mean"]([1.0]) is None and "The mean." in scope["mean"].__doc__


def test_a_beast_of_the_zoo_keeps_all_but_one_line():
    solution = "def f(x):\n    y = x + 1\n    # student: y = x - 1\n    return y"
    assert student_source(solution, "x") == "def f(x):\n    y = x - 1\n    return y"


def test_a_solution_must_be_python_and_define_a_function():
    with pytest.raises(MgError, match="01_a.py: a solution is not Python"):
        student_source("def f(:", "01_a.py")
    with pytest.raises(MgError, match="without a function"):
        student_source("x = 1", "01_a.py")


def test_versions_differ_in_the_solution_alone(source_dir):
    student, instructor = (read_source(source_dir / "01_a.py", version) for version in ("student", "instructor"))
    differing = [place for place, pair in enumerate(zip(student.cells, instructor.cells, strict=True))
                 if pair[0].source != pair[1].source]
    assert differing == [3]
    assert student.cells[3].metadata.tags == ["exercise"]
    assert instructor.cells[3].metadata.tags == ["solution", "hidden"]
    assert [cell.id for cell in student.cells] == [cell.id for cell in instructor.cells]


@pytest.mark.parametrize("version", ["student", "instructor"])
def test_hints_fold_under_the_text_of_the_exercise(source_dir, version):
    task, *others = read_source(source_dir / "01_a.py", version).cells
    assert task.source.endswith("<details><summary>Hint</summary>\n\nand return it.\n\n</details>")
    assert task.source.count("<details>") == 2 and not any("and return it" in cell.source for cell in others)


def test_the_instructors_solutions_are_folded(source_dir):
    student, instructor = (read_source(source_dir / "01_a.py", version) for version in ("student", "instructor"))
    assert instructor.cells[3].metadata.jupyter.source_hidden and "jupyter" not in student.cells[3].metadata


def test_a_stored_output_gives_no_answer_away():
    unsolved = "mean: not solved yet.\n  tried:     mean([1])\n  expected:  1\n  hint:      divide\n             it\n"
    solved = "mean: solved (3 trials).\n1.5\n"
    cells = [nbformat.v4.new_code_cell("...", metadata={"tags": tags}, outputs=[] if text is None else [
        nbformat.v4.new_output("stream", text=text)])
        for tags, text in ((["exercise"], None), ([], unsolved), (["exercise"], None), ([], solved), ([], unsolved))]
    without_answers(nbformat.v4.new_notebook(cells=cells))
    assert [cell.outputs[0].text for cell in cells if cell.outputs] == ["mean: not solved yet.\n", solved, unsolved]


def test_a_picture_gets_the_alt_text_of_its_cell(tmp_path):
    file = tmp_path / "01_a.py"
    file.write_text('# %% alt="A bar, at 3" tags=["hidden"]\nplot()\n', encoding="utf-8")
    (cell,) = (notebook := read_source(file)).cells
    assert cell.metadata == {"alt": "A bar, at 3", "tags": ["hidden"], "jupyter": {"source_hidden": True}}
    cell.outputs = [nbformat.v4.new_output("display_data", {"image/png": "abc", "text/plain": "a figure"})]
    describe_pictures(notebook)
    assert cell.outputs[0].metadata == {"image/png": {"alt": "A bar, at 3"}}


def test_every_published_picture_has_alt_text():
    for path in sorted(notebooks.SOURCES.parent.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                for kind in {"image/png", "image/jpeg"}.intersection(output.get("data", {})):
                    assert len(output.metadata.get(kind, {}).get("alt", "")) > 20, (path.stem, cell.id)


def test_building_twice_gives_the_same_bytes_and_overwrites_what_nobody_changed(source_dir, tmp_path):
    path, = build(source_dir, tmp_path / "out")
    first = path.read_bytes()
    assert build(source_dir, tmp_path / "out") == [path] and path.read_bytes() == first
    (source_dir / "01_a.py").write_text(SOURCE.replace("before", "anew"), encoding="utf-8")
    build(source_dir, tmp_path / "out")
    assert "anew" in path.read_text()


def test_a_changed_notebook_is_refused_unless_told(source_dir, tmp_path):
    (source_dir / "02_b.py").write_text(SOURCE, encoding="utf-8")
    first, second = build(source_dir, tmp_path / "out")
    mine = second.read_text().replace("    ...", "    return 1.5")
    second.write_text(mine)
    (source_dir / "01_a.py").write_text(SOURCE.replace("before", "anew"), encoding="utf-8")
    with pytest.raises(MgError, match="02_b.ipynb: changed since it was built"):
        build(source_dir, tmp_path / "out")
    assert second.read_text() == mine and "anew" not in first.read_text()  # nothing was written
    build(source_dir, tmp_path / "out", overwrite=True)
    assert "1.5" not in second.read_text() and "anew" in first.read_text()


@pytest.mark.parametrize("content", ["", "{}", '{"cells": []}', "my notes"])
def test_a_file_that_is_no_notebook_of_ours_is_refused(content, source_dir, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "01_a.ipynb").write_text(content)
    with pytest.raises(MgError, match="changed since it was built"):
        build(source_dir, tmp_path / "out")
    assert (tmp_path / "out" / "01_a.ipynb").read_text() == content


def test_outputs_stay_up_to_the_first_cell_that_is_new(source_dir, tmp_path):
    path, = build(source_dir, tmp_path / "out")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells[1:]:
        cell.outputs = [nbformat.v4.new_output("stream", text=f"of {cell.id}\n")]
    nbformat.write(notebook, path)
    assert is_as_built(notebook)  # running a notebook is no change
    (source_dir / "01_a.py").write_text(SOURCE.replace("mean([1, 2])", "mean([1, 3])"), encoding="utf-8")
    build(source_dir, tmp_path / "out")
    kept = [bool(cell.outputs) for cell in nbformat.read(path, as_version=4).cells[1:]]
    assert kept == [True, True, True, False]


def test_the_command_builds_both_and_refuses_with_status_2(source_dir, tmp_path, capsys):
    options = ["--source", str(source_dir), "--out-dir", str(tmp_path / "s"), "--instructor-dir", str(tmp_path / "i")]
    assert main(["notebooks", "build", *options]) == 0
    assert "secret" in (tmp_path / "i" / "01_a.ipynb").read_text()
    student = tmp_path / "s" / "01_a.ipynb"
    student.write_text(student.read_text().replace("before", "mine"))
    assert main(["notebooks", "build", *options]) == 2
    assert "--overwrite" in capsys.readouterr().err


# -- the course itself -------------------------------------------------------------------------------------------------

WITH_EXERCISES = {one.notebook for one in list_exercises()}
COURSE = [source for source in notebooks.sources() if source.name[:2] in WITH_EXERCISES]


@pytest.mark.slow
@pytest.mark.parametrize("source", COURSE, ids=lambda source: source.stem)
def test_the_instructors_solutions_are_solved_and_the_students_stubs_are_not(source):
    names = [one.name for one in list_exercises() if one.notebook == source.name[:2]]
    for version, solved in (("instructor", True), ("student", False)):
        every = reader.statements(read_source(source, version), source.name)
        functions = {}
        for statement in reader.needed(every, names):
            exec(statement.codes[0], functions)
        assert set(names) <= set(functions)
        for name in names:
            result = judge(all_exercises()[name], functions[name])
            assert bool(result) is solved and ("not solved yet" in result.message) is not solved, result.message


@pytest.mark.parametrize("source", COURSE, ids=lambda source: source.stem)
def test_a_students_notebook_has_no_line_of_a_solution(source):
    student, instructor = (read_source(source, version) for version in ("student", "instructor"))
    text = "\n".join(cell.source for cell in student.cells)
    for before, after in zip(instructor.cells, student.cells, strict=True):
        if "solution" in before.metadata.get("tags", []):
            gone = set(before.source.splitlines()) - set(after.source.splitlines())
            assert gone and not [line for line in gone if len(line.strip()) > 25 and line.strip() in text]
    assert "# student:" not in text and "# student:" not in json.dumps(instructor)


@pytest.mark.parametrize("source", notebooks.sources(), ids=lambda source: source.stem)
def test_the_notebook_that_git_keeps_is_built_from_its_source(source):
    kept = nbformat.read(notebooks.SOURCES.parent / f"{source.stem}.ipynb", as_version=4)
    assert fingerprint(kept) == fingerprint(read_source(source)), (
        "the notebook is not what its source gives: run `mg notebooks build`, or `make publish` for its outputs")
    assert is_as_built(kept)


def test_solutions_of_the_notebooks_are_deterministic():
    """Two answers of one function to one question are equal: what the checks compare is no accident."""
    for name in ("grouped_split", "bootstrap_people", "deal_captions"):
        for function in solutions(f"{notebooks.SOURCES.parents[1]}/tests/exercises/{name}.py")[0].values():
            arguments = {"grouped_split": (np.arange(20) // 3, 0.3, 5), "deal_captions": (["a", "b", "c"], 5),
                         "bootstrap_people": (np.arange(9) % 2, np.arange(9) // 3, 50, 5)}[name]
            assert np.array_equal(function(*arguments), function(*arguments))
    assert torch.get_default_dtype() == torch.float32
