"""Building, executing and showing notebooks, on throw-away sources; then the course itself, in the smoke profile."""

import io
import json
import os
import re
import sys
import time
from functools import partial

import nbformat
import pytest
from exercise_list import list_exercises
from offline_pages import network_references

from mgutils.cli import main
from mgutils.config import get_profile
from mgutils.course import cell_progress, notebooks, versions
from mgutils.course import reproduce as course
from mgutils.course.manifest import complete_notebooks
from mgutils.course.notebooks import build, execute, parameters_of, sources
from mgutils.course.pages import formula, to_html
from mgutils.errors import ConfigError, MgError, NotebookError

pytestmark = pytest.mark.slow

PARAMETERS = '''# %% tags=["parameters"]
profile = "cpu"
data_root = "../data/cpu"
seed = 0
out_dir = "../out/cpu"
'''

SOURCE = f'''# ---
# jupyter:
#   kernelspec:
#     display_name: Somebody's own
#     language: python
#     name: theirs
# ---

# %% [markdown]
# # 01 A test
#
# Let $\\tau > 0$.

{PARAMETERS}
# %%
import sys
import time
print(profile, seed, out_dir, sys.executable)

# %%
import matplotlib.pyplot as plt
plt.plot([0, 1]);
'''


@pytest.fixture
def project(tmp_path):
    """``project(name=text, …)`` writes sources as ``NN_name.py`` and returns their folder."""

    def write(**texts):
        folder = tmp_path / "notebooks" / "src"
        folder.mkdir(parents=True, exist_ok=True)
        for number, (name, text) in enumerate(texts.items(), start=1):
            (folder / f"{number:02d}_{name}.py").write_text(text, encoding="utf-8")
        return folder

    return write


def printed(notebook):
    """What the cells of an executed notebook printed."""
    outputs = (output for cell in nbformat.read(notebook, as_version=4).cells for output in cell.get("outputs", []))
    return "".join(output.get("text", "") for output in outputs)


# -- building ----------------------------------------------------------------------------------------------------------


def test_build_gives_the_same_bytes_fixed_ids_and_one_kernel(project, tmp_path):
    source_dir = project(a=SOURCE, b=PARAMETERS)
    first = [path.read_bytes() for path in build(source_dir, tmp_path / "first")]
    second = [path.read_bytes() for path in build(source_dir, tmp_path / "second")]
    assert first == second and len(first) == 2
    notebook = nbformat.reads(first[0].decode(), as_version=4)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == [f"01_a-{position:03d}" for position in range(4)]
    assert [cell.metadata for cell in notebook.cells] == [{}, {"tags": ["parameters"]}, {}, {}]
    assert notebook.metadata.kernelspec == {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert all(cell.outputs == [] and cell.execution_count is None for cell in notebook.cells[1:])


def test_build_takes_numbered_sources_in_order(project, tmp_path):
    source_dir = project(z=PARAMETERS, a=PARAMETERS)
    (source_dir / "draft.py").write_text("# %%\n")
    assert [path.name for path in build(source_dir, tmp_path)] == ["01_z.ipynb", "02_a.ipynb"]


def test_build_without_sources_is_an_error(tmp_path):
    with pytest.raises(MgError, match="found no notebook source"):
        build(tmp_path, tmp_path)


def test_parameters_of_reads_names_and_defaults(project, tmp_path):
    source_dir = project(a=SOURCE)
    wanted = {"profile": "cpu", "data_root": "../data/cpu", "seed": 0, "out_dir": "../out/cpu"}
    assert parameters_of(source_dir / "01_a.py") == wanted
    assert parameters_of(build(source_dir, tmp_path)[0]) == wanted


@pytest.mark.parametrize(("text", "message"), [
    ("# %%\nseed = 0\n", "found 0 cells"), (PARAMETERS + PARAMETERS, "found 2 cells"),
    ('# %% tags=["parameters"]\nseed = max(1, 2)\n', r"found 'seed = max\(1, 2\)'"),
    ('# %% tags=["parameters"]\nimport os\n', "found 'import os'"),
    ('# %% tags=["parameters"]\na, b = 1, 2\n', "found 'a, b = ")])
def test_parameters_of_refuses_what_cannot_be_set(project, text, message):
    with pytest.raises(MgError, match=message):
        parameters_of(project(a=text) / "01_a.py")


# -- executing ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The source above, executed with two parameters, alone in its folder."""
    folder = tmp_path_factory.mktemp("executed")
    (folder / "01_a.py").write_text(SOURCE, encoding="utf-8")
    parameters = {"seed": 7, "out_dir": folder / "x y"}
    return execute(folder / "01_a.py", folder / "out" / "01_a.ipynb", parameters, cwd=folder)


def test_parameters_reach_the_notebook(executed):
    assert printed(executed).startswith(f"cpu 7 {executed.parents[1] / 'x y'} ")


def test_an_executed_notebook_holds_no_clock_times_and_fixed_ids(executed):
    notebook = nbformat.read(executed, as_version=4)
    source = notebooks.read_source(executed.parents[1] / "01_a.py")
    assert [cell.id for cell in notebook.cells] == [cell.id for cell in source.cells]
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"][:2] == [1, 2]
    assert parameters_of(executed)["seed"] == 7 and parameters_of(executed)["profile"] == "cpu"
    assert set(notebook.metadata.papermill) == {"parameters", "duration"}
    assert not re.search(r"20\d\d-\d\d-\d\dT", json.dumps(notebook))
    assert not list(executed.parent.glob("*.failed.ipynb"))


def test_a_notebook_run_with_other_parameters_is_still_nobodys_own_work(tmp_path):
    (tmp_path / "01_a.py").write_text(SOURCE, encoding="utf-8")
    (built,) = build(tmp_path, tmp_path / "students", version="student")
    done = nbformat.read(execute(built, tmp_path / "out.ipynb", {"seed": 7}, cwd=tmp_path), as_version=4)
    assert versions.is_as_built(done)
    done.cells[-1].source += "\n# mine"
    assert not versions.is_as_built(done)


def test_the_kernel_is_the_python_that_runs_the_kit(project, tmp_path, monkeypatch):
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({"argv": ["/bin/false"], "display_name": "Python 3"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("PATH", "/nowhere")
    source = project(a=SOURCE) / "01_a.py"
    assert printed(execute(source, tmp_path / "01_a.ipynb", cwd=tmp_path)).split()[-1] == sys.executable


def test_the_kernel_runs_in_the_folder_of_the_notebooks(project, tmp_path):
    source = project(a=PARAMETERS + "\n# %%\nimport os\nprint(os.getcwd())\n") / "01_a.py"
    before = os.getcwd()
    assert printed(execute(source, tmp_path / "a.ipynb")).strip() == str(notebooks.SOURCES.parent)
    assert os.getcwd() == before


def test_an_unknown_parameter_is_an_error_that_names_the_nearest(project, tmp_path):
    source = project(a=SOURCE) / "01_a.py"
    with pytest.raises(ConfigError, match="found the parameter 'profil'; wanted some of profile, data_root, seed, "
                                          "out_dir. Did you mean profile"):
        execute(source, tmp_path / "a.ipynb", {"profil": "smoke"})
    assert not (tmp_path / "a.ipynb").exists()


def test_a_failing_cell_is_named_and_the_notebook_is_kept(project, tmp_path):
    long_cell = "\n".join(f"x{line} = {line}" for line in range(8)) + "\nraise ValueError('eight lines on')\n"
    source = project(a=f"{PARAMETERS}\n# %%\nprint('before')\n\n# %%\n{long_cell}") / "01_a.py"
    out = tmp_path / "out" / "01_a.ipynb"
    out.parent.mkdir()
    out.write_text("of an earlier, good run")
    with pytest.raises(MgError) as caught:
        execute(source, out, {"seed": 1}, cwd=tmp_path)
    message = str(caught.value)
    assert message.startswith("01_a, cell [4] failed:\n    x0 = 0\n") and "x5" not in message
    assert "ValueError: eight lines on" in message and str(out.with_suffix(".failed.ipynb")) in message
    assert not out.exists() and "before" in printed(out.with_suffix(".failed.ipynb"))


@pytest.mark.parametrize(("cell", "message"), [("import time; time.sleep(60)", "timed out"),
                                               ("import os; os._exit(1)", "Kernel died")])
def test_a_cell_that_hangs_or_ends_the_kernel_is_an_error(project, tmp_path, cell, message):
    source = project(a=f"{PARAMETERS}\n# %%\n{cell}\n") / "01_a.py"
    with pytest.raises(NotebookError) as caught:
        execute(source, tmp_path / "a.ipynb", cwd=tmp_path, timeout=3)
    said = str(caught.value).splitlines()
    assert said[:2] == ["01_a, cell [2] failed:", f"    {cell}"] and message in said[2] and len(said) == 4
    assert said[3].endswith("a.failed.ipynb") and (tmp_path / "a.failed.ipynb").exists()


def test_a_kernel_that_does_not_start_is_an_error(project, tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "get_kernel_dict", lambda: {"argv": ["/bin/false"], "display_name": "x"})
    with pytest.raises(NotebookError, match="01_a failed before its first cell:\nKernel died"):
        execute(project(a=SOURCE) / "01_a.py", tmp_path / "a.ipynb", cwd=tmp_path)


SLEEPING = PARAMETERS + "\n# %%\nimport time\n\n# %% [markdown]\n# Now wait.\n\n# %%\ntime.sleep(1.5)\n"


def test_a_log_file_gets_a_line_now_and_then_while_a_cell_is_silent(project, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cell_progress, "LOG_EVERY", 0.5)
    began = time.monotonic()
    execute(project(a=SLEEPING) / "01_a.py", tmp_path / "a.ipynb", {"seed": 1}, cwd=tmp_path, progress=True)
    most = (time.monotonic() - began) / 0.5
    lines = capsys.readouterr().err.splitlines()
    assert all(re.fullmatch(r"01_a: cell [0-4]/4, \d\.\d min", line) for line in lines)
    assert 2 <= sum("cell 4/4" in line for line in lines) and len(lines) <= most


def test_nothing_is_written_of_the_progress_that_nobody_asked_for(project, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cell_progress, "LOG_EVERY", 0.1)
    execute(project(a=SLEEPING) / "01_a.py", tmp_path / "a.ipynb", cwd=tmp_path)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar_whose_clock_goes_on(project, tmp_path, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(cell_progress.sys, "stderr", terminal)
    monkeypatch.setattr(cell_progress, "BAR_EVERY", 0.1)
    execute(project(a=SLEEPING) / "01_a.py", tmp_path / "a.ipynb", cwd=tmp_path, progress=True)
    states = re.findall(r"01_a: [^\r]* 2/3 \[", terminal.getvalue())
    assert len(states) > 5 and "cell, " not in terminal.getvalue()


def test_a_line_of_the_log_comes_at_least_once_a_minute():
    assert cell_progress.LOG_EVERY <= 60


def test_an_endless_function_is_stopped_in_a_kernel_and_the_notebook_goes_on(project, tmp_path):
    cells = ["from mgutils.course.exercises import check\ndef leak(train, valid):\n    while True: pass",
             "check('leak', leak, seconds=0.3)", "print('later')"]
    source = project(a="\n".join([PARAMETERS, *(f"# %%\n{cell}\n" for cell in cells)])) / "01_a.py"
    said = printed(execute(source, tmp_path / "a.ipynb", cwd=tmp_path, timeout=60))
    assert "stopped after 0.3 seconds" in said and said.endswith("later\n")


# -- pages -------------------------------------------------------------------------------------------------------------


def test_a_page_fetches_nothing_and_holds_figures_and_formulas(executed, tmp_path):
    page = to_html(executed, tmp_path / "a.html").read_text(encoding="utf-8")
    assert network_references(page) == []
    assert "data:image/png;base64," in page
    assert "<p>Let <math><mi>" in page and "$" not in page[page.index("<main>"):]


@pytest.mark.parametrize("html", ['<script src="https://a.b/c.js">', "<link rel=x href='//a.b/c.css'>",
                                  "<style>@font-face{src:url(http://a.b/c)}</style>", 'import m from "https://a.b/m.mjs"'])
def test_what_a_browser_would_fetch_is_found(html):
    assert len(network_references(html)) == 1
    assert network_references('<a href="https://doi.org/x">a paper</a>') == []


@pytest.mark.parametrize("latex", [r"\frac{1}{2} \sum_{i=1}^{B} \mathrm{KL}(q_i \,\|\, p_i)",
                                   r"\begin{aligned} a &= b \\ c &= \lVert d \rVert_2 \end{aligned}",
                                   r"\begin{cases} 1 & y_i = y_j \\ 0 & \text{otherwise} \end{cases}",
                                   r"\operatorname{softmax}\left(\tfrac{I T^\top}{\tau}\right)_{ij} \in \mathbb{R}"])
def test_the_formulas_of_the_course_become_mathml(latex):
    assert formula(latex, display=True).startswith('<math display="block">')


def test_a_formula_that_cannot_be_read_is_an_error():
    with pytest.raises(MgError, match=r"formula '\\\\frac\{1'"):
        formula(r"\frac{1", display=False)


# -- the whole course --------------------------------------------------------------------------------------------------


COUNTING = PARAMETERS + '''
# %%
from pathlib import Path
Path(out_dir, "tables").mkdir(parents=True, exist_ok=True)
log = Path(out_dir, "tables", "table1.md")
log.write_text((log.read_text() if log.exists() else "") + f"{data_root} {seed} {profile}\\n")
'''


def test_reproduce_runs_all_in_order_and_prints_table_1(project, tmp_path, capsys):
    source_dir = project(one=COUNTING, two=COUNTING)
    (tmp_path / "data").mkdir()
    executed = course.reproduce("smoke", tmp_path / "data", 5, tmp_path / "out", source_dir=source_dir)
    assert [path.name for path in executed] == ["01_one.ipynb", "02_two.ipynb"]
    assert {path.name for path in (tmp_path / "out" / "notebooks").iterdir()} == {
        "01_one.ipynb", "01_one.html", "02_two.ipynb", "02_two.html", "manifest.json"}
    assert complete_notebooks(tmp_path / "out" / "notebooks", sources(source_dir)) == executed
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("1/2  01_one ") and said[1].startswith("2/2  02_two ") and said[1].endswith(" min")
    assert said.count("../data 5 smoke") == 2


DIVIDING = PARAMETERS + "\n# %%\n1 / 0\n"
DYING = PARAMETERS + "\n# %%\nimport os\nos._exit(1)\n"


@pytest.fixture
def mg(tmp_path, monkeypatch):
    """``mg(source_dir, words)`` runs ``mg reproduce`` over toy sources; returns the exit status."""
    (tmp_path / "data").mkdir()
    reproduce = course.reproduce

    def run(source_dir, *words):
        monkeypatch.setattr(course, "reproduce", partial(reproduce, source_dir=source_dir))
        return main(["reproduce", "--profile", "smoke", "--data-root", str(tmp_path / "data"),
                     "--out-dir", str(tmp_path / "out"), *words])

    return run


def test_reproduce_goes_on_after_failures_and_names_them_at_its_end(project, tmp_path, mg, capsys):
    source_dir = project(one=COUNTING, two=DIVIDING, three=DYING, four=COUNTING)
    stale = tmp_path / "out" / "notebooks" / "02_two.html"
    stale.parent.mkdir(parents=True)
    stale.write_text("of an earlier, good run")
    assert mg(source_dir) == 1
    assert {path.name for path in stale.parent.iterdir()} == {
        "01_one.ipynb", "01_one.html", "02_two.failed.ipynb", "03_three.failed.ipynb", "04_four.ipynb", "04_four.html",
        "manifest.json"}
    with pytest.raises(ConfigError, match="found failed 02_two, 03_three; wanted"):
        complete_notebooks(stale.parent, sources(source_dir))
    captured = capsys.readouterr()
    assert [line.split()[1::3] for line in captured.out.splitlines()[:4]] == [
        ["01_one"], ["02_two", "failed"], ["03_three", "failed"], ["04_four"]]
    said = captured.err.splitlines()
    assert said[:4] == ["mg: 2 of 4 notebooks failed.", "02_two, cell [3] failed:", "    1 / 0",
                        "ZeroDivisionError: division by zero"] and said[4].endswith("02_two.failed.ipynb")
    assert said[5:9] == ["03_three, cell [3] failed:", "    import os", "    os._exit(1)", "Kernel died"]
    minutes = (tmp_path / "out" / "tables" / "minutes.csv").read_text()
    assert "01_one" in minutes and "two" not in minutes


def test_a_notebook_whose_page_cannot_be_made_has_failed_and_is_named(project, tmp_path, mg, capsys):
    assert mg(project(one=PARAMETERS + "\n# %% [markdown]\n# $\\frac{1$\n", two=COUNTING)) == 1
    assert "1 of 2 notebooks failed.\n01_one: formula" in capsys.readouterr().err
    assert (tmp_path / "out" / "notebooks" / "02_two.html").exists()


def test_the_users_stop_ends_reproduce_at_once(project, tmp_path, mg, monkeypatch, capsys):
    begun = []

    def stopped(source, *_, **__):
        begun.append(source.stem)
        raise KeyboardInterrupt

    monkeypatch.setattr(course, "execute", stopped)
    assert mg(project(one=COUNTING, two=COUNTING)) == 130
    assert begun == ["01_one"] and "stopped by the user" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "wanted"), [
    (["--only", "02"], ["02"]), (["--only", "three", "1"], ["01", "03"]),
    (["--only=02_b", "--only", "03"], ["02", "03"]), (["--only", "02", "2", "b"], ["02"]),
    (["--from", "02"], ["02", "03"]), (["--from=03_three"], ["03"]),
    ([], ["01", "02", "03"])])
def test_only_and_from_choose_notebooks(project, mg, monkeypatch, words, wanted):
    begun = []
    monkeypatch.setattr(course, "_execute_all", lambda chosen, *_: begun.extend(one.stem[:2] for one in chosen) or [])
    assert mg(project(a="", b="", three=""), *words) == 0
    assert begun == wanted


@pytest.mark.parametrize(("words", "message"), [
    (["--only", "01", "07"], "only: found '07'; wanted some of 01_one, 02_two."),
    (["--only", "0"], "only: found '0'; wanted"), (["--only", ""], "only: found ''; wanted"),
    (["--only"], "only: found no notebook; wanted some of 01_one"), (["--from", "on"], "from: found 'on'; wanted"),
    (["--from", "01", "--only", "02"], "only, from: found both; wanted one")])
def test_a_wrong_choice_is_an_error_before_anything_is_made(project, tmp_path, mg, words, message, capsys):
    (tmp_path / "data").rmdir()
    assert mg(project(one=COUNTING, two=COUNTING), *words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists() and not (tmp_path / "data").exists()


def test_the_comparison_is_printed_before_the_failures(project, tmp_path, mg, capsys):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "claims.json").write_text('{"profile": "cpu", "images": "synthetic", "rows": []}')
    assert mg(project(one=DIVIDING)) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("Not comparable with the published results: those")


def test_conclusions_that_do_not_hold_are_named_at_the_end(project, mg, capsys):
    told = PARAMETERS + "\n# %%\nhot = 3\n\n# %% [markdown]\n# It is hot.<!--? hot > 2 --> It boils.<!--? hot > 9 -->\n"
    assert mg(project(one=told)) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "1 of the 2 conclusions in the text that are put to the test hold here", "  01_one: It boils."]


def test_reproduce_cannot_make_real_images(project, tmp_path):
    with pytest.raises(ConfigError, match="'imigue' wants real images"):
        course.reproduce("imigue", tmp_path / "absent", 0, tmp_path / "out", source_dir=project(one=COUNTING))


COURSE = sorted(notebooks.SOURCES.glob("[0-9A][0-9]_*.py"))


def exercises_of(source):
    """Names of the functions that a notebook of the course asks for."""
    return [told.name for told in list_exercises() if told.notebook == source.name[:2]]


@pytest.mark.parametrize("source", COURSE, ids=lambda source: source.stem)
def test_a_notebook_has_the_four_parameters(source):
    assert parameters_of(source) == {"profile": "cpu", "data_root": "../data/cpu", "seed": 0, "out_dir": "../out/cpu"}


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """A smoke dataset and one folder of results for all notebooks: `make test-all` gives a file to one process."""
    from mgutils.synth.dataset import make_dataset

    folder = tmp_path_factory.mktemp("smoke")
    make_dataset(get_profile("smoke").synth, folder / "data", workers=1, progress=False)
    return {"profile": "smoke", "data_root": folder / "data", "seed": 0, "out_dir": folder / "out"}


@pytest.mark.notebooks
@pytest.mark.parametrize("source", COURSE, ids=lambda source: source.stem)
def test_notebook_runs_in_smoke(source, smoke):
    executed = execute(source, smoke["out_dir"] / "notebooks" / f"{source.stem}.ipynb", smoke, timeout=300)
    assert network_references(to_html(executed).read_text(encoding="utf-8")) == []
    said = printed(executed)
    assert all(f"{name}: not solved yet." in said for name in exercises_of(source)) and ": solved (" not in said


@pytest.fixture(scope="session")
def instructor_dir(tmp_path_factory):
    return build(out_dir=tmp_path_factory.mktemp("instructor"), version="instructor")[0].parent


@pytest.mark.notebooks
@pytest.mark.parametrize("source", [one for one in COURSE if exercises_of(one)], ids=lambda source: source.stem)
def test_every_check_of_an_instructors_notebook_is_solved(source, smoke, instructor_dir):
    notebook = instructor_dir / f"{source.stem}.ipynb"
    said = printed(execute(notebook, smoke["out_dir"] / "instructor" / notebook.name, smoke, timeout=300))
    assert all(f"{name}: solved (" in said for name in exercises_of(source)) and "not solved yet" not in said
