"""`mg grade`: good, broken, hanging and hostile submissions side by side, none of which touches another."""

import csv
import doctest
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mgutils.cli import main
from mgutils.errors import ConfigError
from mgutils.exercises import all_exercises
from mgutils.grading.grade import grade
from mgutils.grading.guard import landlock_version
from mgutils.grading.otter import export
from mgutils.grading.remote import Limits
from mgutils.grading.submission import LARGEST, find_submissions, needed, read_cells, statements
from mgutils.grading.wire import Other, pack, unpack
from mgutils.notebooks import SOURCES, build

QUICK = Limits(seconds=1.5, total=30, memory=500_000_000)
LEAK = "import numpy as np\ndef leak(train, valid):\n    return np.isin(valid, train).mean()\n"


def notebook(*cells):
    """A notebook with these code cells, as text."""
    return json.dumps({"cells": [{"cell_type": "code", "id": str(place), "metadata": {}, "source": cell, "outputs": [],
                                  "execution_count": None} for place, cell in enumerate(cells)],
                       "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def hostile(folder):
    """Functions that try what they should not, each under the name of an exercise."""
    neighbour = folder / "good" / "01_data_exploration.ipynb"
    return notebook(f"""
import os, sys
def leak(train, valid):
    return open({str(neighbour)!r}).read()
def class_folders(names):
    open({str(folder / 'good' / 'evil.txt')!r}, "w").write("x")
def look_up(train_clips, train_classes, valid_clips):
    import subprocess
    return subprocess.run(["true"]).returncode
def grouped_split(groups, share, seed):
    return open({str(SOURCES / '01_data_exploration.py')!r}).read()
def zoo_captions(folders, names):
    return os.listdir({str(folder)!r})
def cosine_matrix(images, texts):
    names, frame = [], sys._getframe()
    while frame:
        names += [type(value).__module__ for value in frame.f_locals.values()]
        frame = frame.f_back
    return [name for name in names + list(sys.modules) if name.startswith("mgutils.exercises.") and name.rsplit(".")[-1]
            in ("data", "model", "loss", "training", "scoring", "controls", "honest")] or "no checker here"
def project(*weights):
    os._exit(3)
def zoo_pooling(states, mask):
    os.kill(os.getppid(), 9)
def row_softmax(scores):
    return bytearray(10**10)
def multi_positive_targets(classes):
    import socket
    return socket.create_connection(("127.0.0.1", 9))
def two_gradients(target, scores):
    class Evil:
        def __reduce__(self):
            return os.system, ("touch {folder / 'evil'}",)
    return Evil(), Evil()
def stuck_scores(classes):
    return "x" * 10**7
def zoo_directions(logits, target):
    import ctypes
    return ctypes.CDLL(None).getpid()
def uar(answers, target):
    endless = []
    endless.append(endless)
    return endless
def effective_number(images):
    import mgutils.exercises.catalogue as kit
    kit.judge = kit.verdict = lambda *_: 1
    return 1.0
""")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A folder with one submission of each sort, and what came of it."""
    folder = tmp_path_factory.mktemp("class") / "submissions"
    build(out_dir=folder / "good", version="instructor")
    build(out_dir=folder / "unsolved")
    one_file = (folder / "good" / "03_ce_vs_js.ipynb").read_text(encoding="utf-8")
    files = {"broken.ipynb": '{"cells": [', "empty.ipynb": "", "blank.ipynb": notebook(), "renamed.txt": one_file,
             "hostile.ipynb": hostile(folder), "<b>bold.ipynb": notebook(LEAK), "=1+1.ipynb": notebook(LEAK),
             "hanging.ipynb": notebook("while True: pass", "def leak(train, valid):\n    while True:\n        pass",
                                       "%matplotlib inline\ndef class_folders(names):\n    return sorted(filter("
                                       "str.isdigit, names), key=int)", "this is no Python"),
             "late.ipynb": notebook("import time\nclass Slow:\n    time.sleep(1000)\n" + LEAK.replace(
                 "return", "Slow\n    return"))}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "link.ipynb").symlink_to(folder / "good" / "01_data_exploration.ipynb")
    out_dir = folder.parent / "grades"
    results = grade(folder, out_dir, jobs=2, limits=QUICK)
    return folder, out_dir, {one.name: one for one in results}


def test_every_submission_has_its_row_and_its_page(graded):
    folder, out_dir, results = graded
    rows = list(csv.DictReader((out_dir / "grades.csv").open(encoding="utf-8")))
    assert len(rows) == len(results) == len(list(folder.iterdir())) == 12
    assert len(list((out_dir / "feedback").iterdir())) == 12
    assert {row["submission"]: row["status"] for row in rows} == {
        "'=1+1": "graded", "<b>bold": "graded", "blank": "empty", "broken": "unreadable", "empty": "unreadable",
        "good": "graded", "hanging": "graded", "hostile": "graded", "late": "empty", "link": "unreadable",
        "renamed.txt": "graded", "unsolved": "graded"}


def test_solutions_get_all_points_and_stubs_none(graded):
    results = graded[2]
    assert all(results["good"].results.values()) and results["good"].note == ""
    assert results["good"].points == results["good"].most == sum(task.points for task in all_exercises().values())
    assert results["unsolved"].points == 0
    assert {result.status for result in results["unsolved"].results.values()} == {"not solved yet", "wrong"}


def test_file_names_do_not_matter_and_what_is_absent_is_missing(graded):
    renamed = graded[2]["renamed.txt"].results
    assert all(renamed[name] for name, task in all_exercises().items() if task.notebook == "03")
    assert {renamed[name].status for name, task in all_exercises().items() if task.notebook != "03"} == {"missing"}


def test_what_hangs_is_stopped_and_the_rest_is_graded(graded):
    hanging = graded[2]["hanging"].results
    assert "stopped after 1.5 seconds" in hanging["leak"].message and hanging["class_folders"]
    assert "stopped while its definitions were read" in graded[2]["late"].note


@pytest.mark.parametrize(("name", "words"), [
    ("leak", "may not read"), ("class_folders", "may not write"), ("look_up", "may not do this"),
    ("grouped_split", "may not read"), ("zoo_captions", "may not list"), ("cosine_matrix", "no checker here"),
    ("project", "its process ended (exit status 3)"), ("zoo_pooling", "may not do this (os.kill)"),
    ("row_softmax", "MemoryError"), ("multi_positive_targets", "may not do this (socket."), ("two_gradients", "Evil"),
    ("stuck_scores", "too large"), ("zoo_directions", "may not do this (ctypes."), ("uar", "contains itself"),
    ("effective_number", "it uses mgutils.exercises.catalogue")])
def test_what_is_forbidden_is_refused_and_told(name, words, graded):
    result = graded[2]["hostile"].results[name]
    assert result.status == "wrong" and words in result.message, result.message


def test_nothing_was_written_into_other_submissions(graded):
    folder = graded[0]
    assert not (folder / "evil").exists() and len(list((folder / "good").iterdir())) == len(
        list((folder / "unsolved").iterdir()))


def test_a_page_shows_a_students_text_as_text(graded):
    page = next(path for path in (graded[1] / "feedback").iterdir() if "bold" in path.name).read_text(encoding="utf-8")
    assert "&lt;b&gt;bold" in page and "<b>" not in page and "leak: solved" in page


@pytest.mark.skipif(not landlock_version(), reason="no Landlock in this kernel")
def test_the_kernel_refuses_what_native_code_tries(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "secret").write_text("x")
    code = f"""
import ctypes, os
from mgutils.grading import guard
places = guard.readable()
guard._landlock({str(tmp_path / 'own')!r}, places)  # without the hook in Python
libc = ctypes.CDLL(None, use_errno=True)
assert libc.open({str(tmp_path / 'secret')!r}.encode(), os.O_RDONLY) == -1
assert libc.open({str(tmp_path / 'new')!r}.encode(), os.O_CREAT | os.O_WRONLY, 0o600) == -1
assert libc.open({str(SOURCES / '01_data_exploration.py')!r}.encode(), os.O_RDONLY) == -1
open({str(tmp_path / 'own' / 'mine')!r}, "w").write("x")
import json.tool  # Python still finds its modules
print("held")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "held\n", done.stderr


# -- reading submissions -----------------------------------------------------------------------------------------------


def taken(*cells, names=("f",)):
    every, _ = statements("a.ipynb", cells)
    return [statement.node.lineno for statement in needed(every, names)], needed(every, names)


def test_only_what_a_function_uses_is_taken():
    import ast

    found = taken("import a\nimport b\nx = slow()\ny = 2", "def g():\n    return y",
                  "def f(x):\n    return g() + a.c(x)", "print(f(1))\nfor y2 in range(9): pass")[1]
    assert [ast.unparse(one.node).splitlines()[0] for one in found] == ["import a", "y = 2", "def g():", "def f(x):"]


def test_a_variable_or_an_import_of_that_name_is_nobodys_solution():
    assert taken("from mgutils.losses import js as f", "f = 3")[1] == []
    assert len(taken("f = lambda x: x")[1]) == 1
    assert [one.place for one in taken("f = 3", "def f(x):\n    return x")[1]] == ["<a.ipynb, code cell 2>"]


def test_old_notebooks_and_lists_of_lines_are_read(tmp_path):
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\n", "b = 2"]}]}], "nbformat": 3}
    (tmp_path / "a.ipynb").write_text(json.dumps(old))
    assert read_cells(tmp_path / "a.ipynb") == ["a = 1\nb = 2"]


def test_a_folder_without_submissions_is_the_users_mistake(tmp_path, capsys):
    with pytest.raises(ConfigError, match="found no submissions"):
        find_submissions(tmp_path)
    for arguments in ([str(tmp_path / "absent")], [str(tmp_path)], [str(tmp_path), "--notebooks", "99"]):
        assert main(["grade", *arguments, "--out-dir", str(tmp_path / "out")]) == 2
    assert "mg: " in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_names_are_told_apart(tmp_path):
    (tmp_path / "ann.ipynb").write_text(notebook(LEAK))
    (tmp_path / "ann").mkdir()
    assert [one.name for one in find_submissions(tmp_path)] == ["ann", "ann.ipynb"]


# -- answers on their way ----------------------------------------------------------------------------------------------


PLAIN = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                     lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
                     max_leaves=8)


@settings(max_examples=40)
@given(PLAIN)
def test_plain_data_arrives_as_it_was(value):
    assert repr(unpack(pack(value))) == repr(value)


@given(hnp.arrays(st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_]),
                  hnp.array_shapes(min_dims=0)))
def test_arrays_and_tensors_arrive_as_they_were(array):
    found = unpack(pack(array))
    assert found.dtype == array.dtype and np.array_equal(found, array, equal_nan=array.dtype.kind == "f")
    tensor = unpack(pack(torch.from_numpy(array)))
    assert isinstance(tensor, torch.Tensor) and tensor.dtype == torch.from_numpy(array).dtype


def test_what_is_no_plain_data_arrives_as_words():
    assert isinstance(unpack(pack(object())), Other) and "object" in repr(unpack(pack(object())))
    assert unpack(pack(pd.Series([1, 2]))).tolist() == [1, 2] and unpack(pack(np.float64(0.5))) == 0.5
    assert unpack(pack(np.array(["a", None], dtype=object))) == ["a", None]
    for text in ("[", '{"kind": "array"}', '{"kind": "array", "type": "O", "shape": [1], "bytes": ""}', '{"a": 1}',
                 "[" * 100_000):
        with pytest.raises(ValueError):
            unpack(text)
    assert LARGEST > 1e6


# -- otter-grader ------------------------------------------------------------------------------------------------------


def test_exported_tests_pass_a_right_function_and_fail_a_wrong_one(tmp_path):
    paths = export(tmp_path / "tests", ["01"])
    assert [path.stem for path in paths] == [n for n, task in all_exercises().items() if task.notebook == "01"]
    scope = {}
    exec((tmp_path / "tests" / "leak.py").read_text(), scope)
    assert scope["OK_FORMAT"] and scope["test"]["name"] == "leak" and scope["test"]["points"] == 1
    code = scope["test"]["suites"][0]["cases"][0]["code"]
    for function, failures in ((lambda t, v: np.isin(v, t).mean(), 0), (lambda t, v: 0.5, 1)):
        test = doctest.DocTestParser().get_doctest(code, {"leak": function}, "leak", None, None)
        assert doctest.DocTestRunner(verbose=False).run(test, out=lambda _: None).failed == failures


def test_export_overwrites_nothing_else(tmp_path):
    (tmp_path / "leak.py").write_text("mine")
    with pytest.raises(ConfigError, match="no test of otter-grader"):
        export(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["leak.py"]
