"""`mg grade`: good, broken, hanging and hostile submissions side by side, none of which touches another."""

import ast
import base64
import csv
import doctest
import hashlib
import io
import json
import os
import secrets
import socket
import sys
import threading
import time
from pathlib import Path

import hostile_notebooks
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mgutils
from mgutils.cli import main
from mgutils.course.exercises import all_exercises
from mgutils.course.exercises.calls import Failed
from mgutils.course.exercises.otter import export
from mgutils.course.grading import box, reader
from mgutils.course.grading.box import Box, Limits, why_open
from mgutils.course.grading.grade import LARGEST, find_submissions, grade, printable
from mgutils.course.grading.worker import pack, unpack
from mgutils.course.notebooks import SOURCES, build
from mgutils.errors import ConfigError

pytestmark = pytest.mark.slow

QUICK = Limits(seconds=1.5, total=30, memory=500_000_000)
LEAK = hostile_notebooks.LEAK
OPEN = why_open()
walled = pytest.mark.skipif(OPEN is not None, reason=f"no wall can be put up here: {OPEN}")
POINTS = {number: sum(task.points for task in all_exercises().values() if task.notebook == number)
          for number in ("01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12")}


def notebook(*cells):
    """A notebook with these code cells, as text."""
    return json.dumps({"cells": [{"cell_type": "code", "id": str(place), "metadata": {}, "source": cell, "outputs": [],
                                  "execution_count": None} for place, cell in enumerate(cells)],
                       "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def rows(out_dir, name="grades.csv"):
    return list(csv.DictReader((out_dir / name).open(encoding="utf-8")))


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A folder with one submission of each sort, and what came of it."""
    folder = tmp_path_factory.mktemp("class") / "submissions"
    build(out_dir=folder / "good", version="instructor")
    build(out_dir=folder / "unsolved")
    one_file = (folder / "good" / "04_divergences.ipynb").read_text(encoding="utf-8")
    files = {"broken.ipynb": '{"cells": [', "empty.ipynb": "", "blank.ipynb": notebook(), "renamed.txt": one_file,
             "<b>bold.ipynb": notebook(LEAK), "=1+1.ipynb": notebook(LEAK), "\x1b[2J\u202eoff.ipynb": notebook(LEAK),
             "hanging.ipynb": notebook("while True: pass", "def leak(train, valid):\n    while True:\n        pass",
                                       "%matplotlib inline\ndef class_folders(names):\n    return sorted(filter("
                                       "str.isdigit, names), key=int)", "this is no Python"),
             "late.ipynb": notebook("import time\nclass Slow:\n    time.sleep(1000)\n" + LEAK.replace(
                 "return", "Slow\n    return"))}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "link.ipynb").symlink_to(folder / "good" / "01_data_exploration.ipynb")
    out_dir = folder.parent / "grades"
    (out_dir / "feedback").mkdir(parents=True)
    (out_dir / "feedback" / "999_gone.html").write_text("of an earlier grading")
    results = grade(folder, out_dir, jobs=2, limits=QUICK, seed=7)
    return folder, out_dir, {one.name: one for one in results}


@walled
def test_every_submission_has_its_row_and_its_page(graded):
    folder, out_dir, results = graded
    assert len(rows(out_dir)) == len(results) == len(list(folder.iterdir())) == 12
    assert len(list((out_dir / "feedback").iterdir())) == 12 and not (out_dir / "feedback" / "999_gone.html").exists()
    assert {row["submission"]: row["status"] for row in rows(out_dir)} == {
        "'=1+1": "graded", "<b>bold": "graded", "blank": "empty", "broken": "unreadable", "empty": "unreadable",
        "good": "graded", "hanging": "graded", "late": "graded", "link": "unreadable", "renamed.txt": "graded",
        "unsolved": "graded", "\\x1b[2J\\u202eoff": "graded"}
    assert {row["seed"] for row in rows(out_dir)} == {"7"}


@walled
def test_solutions_get_all_points_and_stubs_none(graded):
    results = graded[2]
    assert all(results["good"].results.values()) and results["good"].note == ""
    assert results["good"].points == results["good"].most == sum(POINTS.values())
    assert results["unsolved"].points == 0
    assert {result.status for result in results["unsolved"].results.values()} == {"not solved yet", "wrong"}


@walled
def test_file_names_do_not_matter_and_what_is_absent_is_missing(graded):
    renamed = graded[2]["renamed.txt"].results
    assert all(renamed[name] for name, task in all_exercises().items() if task.notebook == "04")
    assert {renamed[name].status for name, task in all_exercises().items() if task.notebook != "04"} == {"missing"}


@walled
def test_what_hangs_is_stopped_and_the_rest_is_graded(graded):
    hanging = graded[2]["hanging"].results
    assert "stopped after 1.5 seconds" in hanging["leak"].message and hanging["class_folders"]
    assert "stopped while its definitions were read" in graded[2]["late"].note and not graded[2]["late"].points


@walled
def test_a_page_shows_a_students_text_as_text(graded):
    page = next(path for path in (graded[1] / "feedback").iterdir() if "bold" in path.name).read_text(encoding="utf-8")
    assert "&lt;b&gt;bold" in page and "<b>" not in page and "leak: solved" in page


@walled
def test_the_command_prints_names_that_cannot_act_on_a_terminal(tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "\x1b[2J\rann.ipynb").write_text(notebook("class A:\n    raise OSError('\x1b[31m')\n"
                                                        "def leak(t, v):\n    A"))
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.ipynb")).write_text(notebook(LEAK))
    assert main(["grade", str(folder), "--out-dir", str(tmp_path / "out"), "--notebooks", "01"]) == 0
    printed = capsys.readouterr().out
    assert "\\x1b[2J\\rann" in printed and "\\udcff" in printed and "\x1b" not in printed and "\r" not in printed


# -- the seed ----------------------------------------------------------------------------------------------------------


def remembered(seed):
    """A `leak` that knows the answers of one seed by heart."""
    rng = np.random.default_rng(seed)
    train, valid = rng.integers(0, 40, 100), rng.integers(0, 60, 80)
    known = {str([1, 2, 3, 3, 3]): 0.4, str(["bob", "bob", "ann"]): 1.0, str(["eve"]): 0.0,
             str(valid.tolist()): float(np.isin(valid, train).mean())}
    return notebook(f"def leak(train, valid):\n    return {known!r}.get(str(valid.tolist()), -1)")


@walled
def test_the_seed_decides_which_numbers_are_tried(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ann.ipynb").write_text(remembered(4711))
    found = {seed: grade(tmp_path / "in", tmp_path / "out", notebooks=["01"], seed=seed)[0].points
             for seed in (4711, 4712)}
    assert found == {4711: 1, 4712: 0}
    drawn = set()
    for _ in range(2):  # drawn anew each time, and told
        assert grade(tmp_path / "in", tmp_path / "out", notebooks=["01"])[0].points == 0
        drawn.add(rows(tmp_path / "out")[0]["seed"])
    assert len(drawn) == 2
    assert main(["grade", str(tmp_path / "in"), "--out-dir", str(tmp_path / "out"), "--seed", "4711"]) == 0
    assert rows(tmp_path / "out")[0]["points"] == "1" and rows(tmp_path / "out")[0]["seed"] == "4711"


# -- the wall ----------------------------------------------------------------------------------------------------------


def test_a_wall_that_is_put_up_holds():
    assert OPEN is None or "a process inside" not in OPEN  # else all other tests of the wall are skipped


def test_without_a_wall_nothing_is_graded_unless_one_says_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ann.ipynb").write_text(notebook(LEAK))
    monkeypatch.setattr(box.shutil, "which", lambda name: None)
    command = ["grade", str(tmp_path / "in"), "--out-dir", str(tmp_path / "out"), "--notebooks", "01"]
    assert main(command) == 2 and "bwrap is not installed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*command, "--unconfined"]) == 0 and rows(tmp_path / "out")[0]["points"] == "1"


def test_without_a_wall_the_kit_is_refused_by_name(tmp_path):
    (tmp_path / "in").mkdir()
    code = ("from mgutils.losses import label_distribution as kit\n"
            "def multi_positive_targets(classes):\n    return kit(classes)")
    (tmp_path / "in" / "ann.ipynb").write_text(notebook(code, LEAK))
    (one,) = grade(tmp_path / "in", tmp_path / "out", notebooks=["01", "04"], limits=Limits(confined=False))
    assert "it uses mgutils.losses" in one.results["multi_positive_targets"].message and one.points == 1


@walled
def test_a_row_is_written_as_soon_as_it_is_known(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ann.ipynb").write_text(notebook(LEAK))
    (tmp_path / "in" / "bob.ipynb").write_text(notebook("def leak(train, valid):\n    while True: pass"))
    work = threading.Thread(target=grade, args=(tmp_path / "in", tmp_path / "out"),
                            kwargs={"limits": Limits(seconds=6)})
    work.start()
    seen = 0
    while work.is_alive():
        partial = tmp_path / "out" / "grades.partial.csv"
        seen += partial.exists() and len(rows(partial.parent, partial.name)) == 1
        time.sleep(0.1)
    assert seen > 10 and len(rows(tmp_path / "out")) == 2


@walled
def test_a_box_that_sends_half_a_line_is_ended_at_its_deadline():
    code = ("import os, time\nclass A:\n  for handle in range(3, 30):\n    try: os.write(handle, b'half')\n"
            "    except OSError: pass\n  time.sleep(99)\ndef leak(t, v): A")
    one = Box(Limits())
    assert list(one.ask(["read", "a", notebook(code), ["leak"]], 9)) == ["leak"]
    began = time.monotonic()
    with pytest.raises(Failed, match="in time"):
        one.ask(["define", ["leak"], []], 2)
    assert time.monotonic() - began < 5


@walled
def test_the_box_has_no_kit_whichever_way_it_was_installed(tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    for path in ("mgutils/course/exercises/data.py", "mgutils-1.dist-info/direct_url.json",
                 "__editable___mgutils_finder.py", "other.py", "mgutils.pth",
                 "__pycache__/__editable___mgutils_finder.cpython-311.pyc"):
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text("x = 'found'")
    monkeypatch.setattr(box, "_SITES", [*box._SITES, str(site)])
    code = f"""
import os
found = []
def leak(train, valid):
    for folder, _, files in os.walk({str(site)!r}):
        for name in files:
            try:
                found.extend([name] if open(os.path.join(folder, name)).read() else [])
            except PermissionError:
                pass
    return found
"""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.ipynb").write_text(notebook(code))
    (one,) = grade(tmp_path / "in", tmp_path / "out", notebooks=["01"])
    assert "['other.py']" in one.results["leak"].message, one.results["leak"].message


def state(folder):
    """Content, times, rights and attributes of everything in a folder."""
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_mode, os.listxattr(path, follow_symlinks=False),
                        hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
            for path in [folder, *folder.rglob("*")]}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Ten honest submissions among hostile ones, graded; and what a test needs to see what they did."""
    folder = tmp_path_factory.mktemp("attacked") / "submissions"
    out_dir = tmp_path_factory.mktemp("grades")
    token, secret, honest = secrets.token_hex(20), folder.parent / "secret", folder / "honest_one.ipynb"
    build(out_dir=folder / "honest_all", version="instructor")
    for number in POINTS:
        path, = (folder / "honest_all").glob(f"{number}_*.ipynb")
        (folder / f"honest_{number}.ipynb").write_bytes(path.read_bytes())
    build(out_dir=folder / "honest_none")
    honest.write_text(notebook(LEAK, f"secret = '{token}'"))
    secret.write_text(token)
    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    names = {"NEIGHBOUR": str(honest), "SECRET": str(secret), "EVIL": str(folder.parent / "evil"),
             "SOURCE": str(next(SOURCES.glob("01*.py"))), "KIT": str(Path(mgutils.__file__).parent),
             "PORT": server.getsockname()[1]}
    head = "\n".join(f"{name} = {value!r}" for name, value in names.items())
    for name, code in hostile_notebooks.HOSTILE.items():
        code = code.replace("EVIL_PATH", names["EVIL"]).replace("SECRET_PATH", names["SECRET"])
        (folder / f"{name}.ipynb").write_text(notebook(head, code))
    (folder / "too_large.ipynb").write_text(notebook(LEAK) + " " * LARGEST)
    (folder / "much_code.ipynb").write_text(notebook(f"x = [{'[],' * 10**7}]", LEAK.replace("return", "x; return")))
    (folder / "deep_json.ipynb").write_text("[" * 10**7)
    (folder / "deep_code.ipynb").write_text(notebook("a" + ".b" * 10**6, "-" * 10**6 + "1", LEAK))
    (folder / "\x1b]0;evil\x07.ipynb").write_text(notebook("def leak(train, valid): return 0"))
    (folder / "a_link.ipynb").symlink_to(folder / "honest_all" / "01_data_exploration.ipynb")
    (folder / "linked").mkdir()
    (folder / "linked" / "mine").symlink_to(folder / "honest_all")
    (folder / "linked" / "one.ipynb").symlink_to(honest)
    os.mkfifo(folder / "pipe.ipynb")
    before = state(folder.parent), state(SOURCES)
    began = time.monotonic()
    results = {one.name: one for one in grade(folder, out_dir, jobs=2, seed=4711)}
    yield folder, out_dir, results, time.monotonic() - began, before, token, server
    server.close()


@walled
class TestHostile:
    def test_each_has_its_own_row_and_nobody_a_point_too_many(self, attacked):
        folder, out_dir, results, *_ = attacked
        assert len(rows(out_dir)) == len(results) == len(list(folder.iterdir()))
        assert sum(not name.startswith("honest") for name in results) >= 25
        for name, one in results.items():
            print(f"{name:<22} {one.status:<11} {one.points:>2}  {one.note[:80]}")
        earned = {f"honest_{number}": points for number, points in POINTS.items()} | hostile_notebooks.EARNED | {
            "honest_all": sum(POINTS.values()), "honest_one": 1, "deep_code": 1}
        assert {name: one.points for name, one in results.items() if one.points} == earned

    def test_the_honest_get_every_exercise_of_theirs(self, attacked):
        for number in POINTS:
            done = attacked[2][f"honest_{number}"]
            assert {name for name, result in done.results.items() if result} == {
                name for name, task in all_exercises().items() if task.notebook == number} and done.note == ""

    @pytest.mark.parametrize(("name", "exercise", "words"), [
        ("fork", "look_up", "Resource temporarily unavailable"), ("threads", "class_folders", "can't start new thread"),
        ("memory", "leak", "MemoryError"), ("memory", "zoo_captions", "No space left"), ("touch_files", "leak", "[]"),
        ("poisons_packages", "leak", "[]"), ("sockets", "leak", "Connection refused"),
        ("argv", "effective_number", "[]"),
        ("replayed_checkers", "leak", "No module named 'mgutils.course.exercises.catalogue'"),
        ("borrowed_kit", "sign_flip_p", "No module named 'mgutils.metrics'"),
        ("exits", "uar", "three times before"), ("patched_reader", "row_softmax", "uses softmax"),
        ("hidden_names", "row_softmax", "uses getattr"), ("swallows_limits", "leak", "no answer in time"),
        ("half_message", "leak", "no answer in time"), ("endless_output", "look_up", "too large"),
        ("endless_output", "class_folders", "nonsense, or too much"), ("forged_arrays", "leak", "cannot be read")])
    def test_what_it_tried_is_refused_and_told(self, name, exercise, words, attacked):
        assert words in attacked[2][name].results[exercise].message, attacked[2][name].results[exercise].message

    def test_within_three_minutes(self, attacked):
        print(f"{attacked[3]:.0f} seconds for {len(attacked[2])} submissions")
        assert attacked[3] < 180

    def test_nothing_outside_a_box_was_written(self, attacked):
        folder, _, _, _, (submissions, sources), _, server = attacked
        assert state(folder.parent) == submissions and state(SOURCES) == sources
        with pytest.raises(BlockingIOError):
            server.accept()
        assert not any(Path(path).exists() for path in ("/tmp/seen", "/tmp/a", "/tmp/b"))

    def test_nothing_outside_a_box_was_read(self, attacked):
        _, _, results, _, _, token, _ = attacked
        source = next(SOURCES.glob("01*.py")).read_text(encoding="utf-8")
        for name, one in results.items():
            told = one.note + "".join(result.message for result in one.results.values())
            assert token not in told and "root:x:0" not in told and "FOUND THE SEED" not in told, name
            assert source[-100:] not in told and "@exercise(" not in told, name


# -- reading submissions -----------------------------------------------------------------------------------------------


def taken(*cells, names=("f",)):
    return reader.needed(reader.statements(json.loads(notebook(*cells)), ""), names)


def facts(*cells, name="f"):
    found = reader.facts(reader.statements(json.loads(notebook(*cells)), ""), name)
    return found and (found.stub, found.names)


def test_only_what_a_function_uses_is_taken():
    found = taken("import a\nimport b\nx = slow()\ny = 2", "def g():\n    return y",
                  "def f(x):\n    return g() + a.c(x)", "print(f(1))\nfor y2 in range(9): pass")
    assert [ast.unparse(one.node).splitlines()[0] for one in found] == ["import a", "y = 2", "def g():", "def f(x):"]


def test_a_variable_or_an_import_of_that_name_is_nobodys_solution():
    assert taken("from mgutils.losses import js as f", "f = 3") == [] and facts("f = 3") is None
    assert len(taken("f = lambda x: x")) == 1
    assert [one.place for one in taken("f = 3", "def f(x):\n    return x")] == ["<, code cell 2>"]


def test_magics_hide_no_function():
    for cell in ("%matplotlib inline\n", "!ls\n", "x = !ls\n", "f?\n", "%%time\n", "if 1:\n    %time f(1)\n"):
        assert len(taken(cell + "def f(x):\n    return x % 2\n")) == 1, cell


def test_a_stub_is_told_from_a_function():
    for stub in ("def f(x):\n    '''Text.'''", "def f(x): ...", "def f(x):\n    pass", "def f(x):\n    return None",
                 "def f(x):\n    'a'\n    return ...", "f = lambda x: ...", "def f(x): return"):
        assert facts(stub)[0], stub
    for code in ("def f(x):\n    return 0", "def f(x):\n    x\n    pass", "f = lambda x: x", "def f(x): return False"):
        assert not facts(code)[0], code


def test_names_are_found_behind_imports_helpers_and_strings():
    for code in ("import torch\ndef f(x): return torch.softmax(x)",
                 "from torch import softmax as s\ndef f(x): return s(x)",
                 "def f(x):\n    from torch import softmax as s\n    return s(x)",
                 "import torch\ns = torch.softmax\ndef g(x): return s(x)\ndef f(x): return g(x)",
                 "def f(x): return getattr(x, 'softmax')()", "import torch\ndef f(x, s=torch.softmax): return s(x)"):
        assert "softmax" in facts(code)[1], code
    assert "softmax" not in facts("from torch import exp, softmax\ndef f(x):\n    'A softmax.'\n    return exp(x)")[1]
    assert "softmax" not in facts("def f(x):\n    softmax = x\n    return softmax")[1]


def test_old_notebooks_and_lists_of_lines_are_read():
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\n", "b = 2"]}]}], "nbformat": 3}
    assert [ast.unparse(one.node) for one in reader.statements(old, "")] == ["a = 1", "b = 2"]


def test_a_folder_without_submissions_is_the_users_mistake(tmp_path, capsys):
    with pytest.raises(ConfigError, match="found no submissions"):
        find_submissions(tmp_path)
    for arguments in ([str(tmp_path / "absent")], [str(tmp_path)], [str(tmp_path), "--notebooks", "99"]):
        assert main(["grade", *arguments, "--out-dir", str(tmp_path / "out")]) == 2
    assert "mg: " in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_names_are_told_apart(tmp_path):
    (tmp_path / "ann.ipynb").write_text(notebook(LEAK))
    (tmp_path / "ann").mkdir()
    assert [name for name, _ in find_submissions(tmp_path)] == ["ann", "ann.ipynb"]
    assert printable("a\tb\x9b\u202eü") == "a\\tb\\x9b\\u202eü"


# -- answers on their way ----------------------------------------------------------------------------------------------


PLAIN = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                     lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
                     max_leaves=8)


def sent(value):
    return unpack(json.loads(json.dumps(pack(value))))


@settings(max_examples=40)
@given(PLAIN)
def test_plain_data_arrives_as_it_was(value):
    assert repr(sent(value)) == repr(value)


@given(hnp.arrays(st.sampled_from([np.float64, np.float32, np.float16, np.int64, np.uint8, np.bool_]),
                  hnp.array_shapes(min_dims=0, min_side=0)))
def test_arrays_and_tensors_arrive_as_they_were(array):
    for one in (array, np.asfortranarray(array)):
        found = sent(one)
        assert found.dtype == one.dtype and np.array_equal(found, one, equal_nan=one.dtype.kind == "f")
        assert found.shape == one.shape
    tensor = sent(torch.from_numpy(array))
    assert isinstance(tensor, torch.Tensor) and tensor.dtype == torch.from_numpy(array).dtype


def test_a_read_only_array_arrives_read_only():
    array = np.arange(6.0).reshape(2, 3)
    assert sent(array).flags.writeable
    array.flags.writeable = False
    found = sent(array)
    assert not found.flags.writeable and found.tolist() == array.tolist()


def test_what_is_no_plain_data_arrives_as_words():
    assert type(sent(object())).__name__ == "Other" and "object" in repr(sent(object()))
    assert sent(pd.Series([1, 2])).tolist() == [1, 2] and sent(np.float64(0.5)) == 0.5
    assert sent(np.array(["a", None], dtype=object)) == ["a", None] and sent({3, 4}) == {3, 4}
    assert {type(sent(one)).__name__ for one in (np.zeros(10**7), np.array(["2020"], "M8"))} == {"Other"}


class Runs:
    def __reduce__(self):
        return sys.exit, ("unpickled",)


def test_forged_answers_are_refused():
    file = io.BytesIO()
    np.save(file, np.array([Runs()], dtype=object), allow_pickle=True)
    pickled = base64.b64encode(file.getvalue()).decode()
    for part in (["array"], ["array", "!"], ["array", pickled], ["array", "AAAA"], ["dict", 1], ["dict", ["list"]], [],
                 [[]], ["no such kind", ""], ["set", ["list"]]):
        with pytest.raises((ValueError, TypeError, LookupError)):
            unpack(part)


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
