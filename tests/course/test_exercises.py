"""The checkers: what they say, what they survive, and their own grades."""

import io
import subprocess
import sys
import threading
from contextlib import redirect_stdout

import numpy as np
import pytest
import torch
from exercise_list import KINDS, exercise_table, list_exercises
from exercise_scores import GUIDE, SOLUTIONS, mutation_table, score, solutions

from mgutils.course.exercises import all_exercises, check, find
from mgutils.course.exercises.answers import Student
from mgutils.course.exercises.catalogue import MODULES
from mgutils.course.exercises.inspection import is_stub, read
from mgutils.errors import ConfigError
from mgutils.losses import label_distribution
from mgutils.report.readme import read_parts

pytestmark = pytest.mark.slow


def said(name, function, **options):
    """The printed message and the result of a check."""
    with redirect_stdout(io.StringIO()) as printed:
        result = check(name, function, **options)
    assert printed.getvalue() == result.message + "\n"
    return result, result.message


# -- graders are graded ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scores():
    return {name: score(task, SOLUTIONS / f"{name}.py") for name, task in all_exercises().items()}


@pytest.mark.parametrize("name", all_exercises())
def test_a_checker_accepts_every_right_solution_and_rejects_every_mistake(name, scores):
    assert not scores[name].refused, [scores[name].right[one].message for one in scores[name].refused]
    assert not scores[name].survived


@pytest.mark.parametrize("name", all_exercises())
def test_every_rejection_says_what_was_tried_and_has_a_hint(name, scores):
    for words, result in scores[name].wrong.items():
        lines = [line.split(":")[0].strip() for line in result.message.splitlines()]
        assert {"tried", "came back", "expected", "hint"} <= set(lines), (words, result.message)
        assert result.message.startswith(f"{name}: not solved yet.")


def test_there_are_twenty_exercises_two_of_them_core_in_each_notebook():
    every = list_exercises()
    assert [one.name for one in every] and {one.name for one in every} == set(all_exercises())
    assert len(every) >= 20 and {one.notebook for one in every} == set(MODULES.values())
    for one in every:
        task = all_exercises()[one.name]
        assert (task.notebook, task.points) == (one.notebook, KINDS[one.kind])
    for notebook in {one.notebook for one in every}:
        own = [one for one in every if one.notebook == notebook]
        assert len(own) >= 3 and sum(one.core for one in own) == 2, notebook
        assert sum(one.kind == "Project" for one in own) <= 1


def test_the_guides_tables_are_those_of_the_code(scores):
    parts = read_parts(GUIDE)
    assert parts["mutation"] == mutation_table(list(scores.values()))
    assert parts["exercises"] == exercise_table(list_exercises())


def test_an_edit_that_does_not_apply_is_an_error(tmp_path):
    text = (SOLUTIONS / "leak.py").read_text()
    (tmp_path / "leak.py").write_text(text.replace('".mean()", ".sum()"', '"no such text", ""'))
    with pytest.raises(ConfigError, match="found 'no such text' 0 times in right_isin"):
        solutions(tmp_path / "leak.py")
    with pytest.raises(ConfigError, match="no such file"):
        solutions(tmp_path / "absent.py")
    (tmp_path / "few.py").write_text("WRONG = {}\n\n\ndef right_one(a):\n    return a\n")
    with pytest.raises(ConfigError, match="found 1 right and 0 wrong"):
        score(find("leak"), tmp_path / "few.py")


# -- what a check says -------------------------------------------------------------------------------------------------


def leak(train, valid):
    """A right solution, under the very name of the exercise, in scope of everything here."""
    return np.isin(valid, train).mean()


def test_a_right_answer_is_solved_and_a_result_is_true():
    result, message = said("leak", leak)
    assert result and result.status == "solved" and message == "leak: solved (4 trials)."


def test_a_wrong_answer_is_told_in_words_with_a_hint_that_fits():
    result, message = said("leak", lambda train, valid: np.isin(train, valid).mean())
    assert not result and result.status == "wrong"
    assert message.splitlines() == [
        "leak: not solved yet.", "  tried:     train = [1, 1, 2, 5], valid = [1, 2, 3, 3, 3]", "  came back: 0.75",
        "  expected:  0.4", "  hint:      That is the share of the training rows. Ask it of the validation rows."]


def test_the_function_given_is_checked_and_not_one_of_the_same_name_in_scope():
    def wrong(train, valid):
        return 0.5

    wrong.__name__ = wrong.__qualname__ = "leak"
    assert not said("leak", wrong)[0] and said("leak", leak)[0]


def test_the_kits_own_function_is_no_solution():
    words = said("multi_positive_targets", label_distribution)[1]
    assert "it uses mgutils.losses.divergences.label_distribution" in words
    assert "it uses mgutils.losses" in said("multi_positive_targets", lambda classes: label_distribution(classes))[1]

    def hidden(classes):
        from mgutils.losses import label_distribution as mine
        return mine(classes)

    assert read(hidden).borrowed == "mgutils.losses" and not said("multi_positive_targets", hidden)[0]


def test_a_stub_is_not_solved_yet_and_never_called():
    def stub(train, valid):
        """Docstring."""
        # Hint: a comment.
        ...

    result, message = said("leak", stub)
    assert result.status == "not solved yet" and message.startswith("leak: not solved yet. Replace the dots")
    assert is_stub(stub) and not is_stub(leak) and not is_stub(len)


def test_nothing_returned_is_asked_for():
    def forgotten(train, valid):
        np.isin(valid, train).mean()

    assert "Does every path end in `return`?" in said("leak", forgotten)[1]


def test_not_a_function_and_no_such_exercise():
    assert "Give the function itself" in said("leak", 0.4)[1]
    with pytest.raises(ConfigError, match="found no exercise 'leek'; wanted one of .*leak"):
        check("leek", leak)


@pytest.mark.parametrize("name", all_exercises())
def test_no_answer_breaks_a_checker(name):
    for answer in (None, "text", object(), {1: 2}, [[1], [1, 2]], float("nan"), np.array([]), 10**400, [None], b"x",
                   torch.zeros(2, 3), lambda: 1, np.array(["a"]), (None, None)):
        result, message = said(name, lambda *_, answer=answer, **__: answer)
        assert result.status == "wrong" and "came back" in message


def test_a_check_of_the_first_notebook_imports_no_torch():
    code = ("import sys; from mgutils.course.exercises import check\n"
            "def class_folders(names): return sorted(filter(str.isdigit, names), key=int)\n"
            "assert check('class_folders', class_folders) and 'torch' not in sys.modules")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# -- what a check survives ---------------------------------------------------------------------------------------------


def endless(train, valid):
    while True:
        pass


def swallowing(train, valid):
    while True:
        try:
            sum(range(100))
        except BaseException:
            pass


def numpy_loop(train, valid):
    while True:
        np.linalg.norm(np.ones((20, 20)) @ np.ones((20, 20)))


def torch_loop(train, valid):
    x = torch.ones(20, 20)
    while True:
        x = (x @ x).sigmoid()


def sleeping(train, valid):
    import time
    time.sleep(1000)


@pytest.mark.parametrize("function", [endless, swallowing, numpy_loop, torch_loop, sleeping])
def test_an_endless_loop_is_stopped_and_told(function):
    message = said("leak", function, seconds=0.2)[1]
    assert "stopped after 0.2 seconds" in message and "A loop may never end" in message
    assert said("leak", leak)[0]  # nothing of it is left


def test_an_endless_loop_is_stopped_off_the_main_thread_too():
    found = []
    thread = threading.Thread(target=lambda: found.append(score_of(endless)))
    thread.start()
    thread.join(20)
    assert "stopped after 0.2 seconds" in found[0]


def score_of(function):
    from mgutils.course.exercises.catalogue import judge

    return judge(find("leak"), function, 0.2).message


def crash(train, valid):
    return 1 / (len(train) - 4)


def leaves(train, valid):
    raise SystemExit(3)


def test_a_crash_is_told_with_its_line():
    message = said("leak", crash)[1]
    assert "ZeroDivisionError: division by zero" in message and "return 1 / (len(train) - 4)" in message
    assert "SystemExit: 3" in said("leak", leaves)[1]


def test_an_endless_recursion_is_told():
    def deeper(train, valid):
        return deeper(train, valid)

    assert "RecursionError" in said("leak", deeper)[1]


def test_prints_of_the_function_are_swallowed_and_its_arguments_are_copies(capsys):
    def noisy(train, valid):
        print("loud")
        valid[:] = 1
        return 0

    student = Student(noisy)
    given = np.array([2, 3])
    assert student(given, given, tried="x").value == 0
    assert capsys.readouterr().out == "" and given.tolist() == [2, 3]


def test_a_copy_of_a_read_only_array_is_read_only():
    given = np.array([2, 3])
    given.flags.writeable = False
    student = Student(lambda *both: [one.flags.writeable for one in both])
    assert student(given, given.copy(), tried="x").value == [False, True]


def test_expected_values_are_in_no_frame_of_the_first_call():
    seen = []

    def spying(classes):
        frame = sys._getframe()
        while frame:
            seen.extend(value for key, value in frame.f_locals.items() if key in ("wanted", "right", "likely"))
            frame = frame.f_back
        return classes

    said("multi_positive_targets", spying)
    assert seen == []
