"""What a message tells a user to do can be done: each command and each option that one names is there."""

import ast
import re
import sys
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mgutils
from mgutils.cli import COMMANDS, main
from mgutils.data.labels import Labels
from mgutils.data.splits import make_split
from mgutils.data.table import Dataset
from mgutils.errors import CheckpointError, ConfigError
from mgutils.predict.weights import read_weights

PACKAGE = Path(mgutils.__file__).parent
OF_OTHER_PROGRAMS = {"course/grading/box.py"}
"""Starts bubblewrap and prlimit with options of theirs."""
COMMAND = re.compile(r"`mg ((?:[a-z][a-z-]* ?)+)([^`]*)`")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
TASKS = [["--task", task] for task in ("skeleton", "alignment", "fusion", "masked")]


def texts(tree):
    """Each text of a module but its docstrings, an f-string as one, its values left out."""
    skipped = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            skipped |= {statement.value for statement in body if isinstance(statement, ast.Expr)}
        if isinstance(node, ast.JoinedStr):
            skipped |= set(node.values)
    for node in set(ast.walk(tree)) - skipped:
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(part.value for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


@pytest.fixture(scope="module")
def messages():
    files = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    return [(f"{name}:{line}", text) for name, path in files.items() if name not in OF_OTHER_PROGRAMS
            for line, text in texts(ast.parse(path.read_text(encoding="utf-8")))]


@pytest.fixture(scope="module")
def options():
    """The options of a command, as its --help lists them; of training, those of all tasks."""
    @cache
    def of(command):
        with redirect_stdout(StringIO()) as printed:
            for task in [[], *TASKS] if command == ("train",) else [[]]:
                with pytest.raises(SystemExit):
                    main([*command, *task, "--help"])
        return set(OPTION.findall(printed.getvalue()))
    return of


@pytest.mark.slow
def test_each_command_in_a_message_exists_and_has_the_options_beside_it(messages, options):
    named = [(place, *match) for place, text in messages for match in COMMAND.findall(text)]
    assert len(named) > 30
    for place, words, rest in named:
        words = tuple(words.split())
        command = next((name for name in COMMANDS if words[:len(name)] == name), None)
        assert command, f"{place}: mg {' '.join(words)}"
        assert set(OPTION.findall(rest)) <= options(command), f"{place}: mg {' '.join(words)} {rest}"


def test_each_option_in_a_message_exists(messages, options):
    known = set().union(*map(options, COMMANDS))
    named = [(place, option) for place, text in messages for option in OPTION.findall(text)
             if " " in text]  # a sentence, not an argument of git
    assert len(named) > 30
    assert not [(place, option) for place, option in named if option not in known]


def test_an_onnx_graph_is_told_at_once_and_what_to_give_instead(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("model.onnx").write_bytes(b"\x08\x0a\x12\x07pytorch")
    before = set(sys.modules)
    for words in (["predict", "none.jpg", "--checkpoint"], ["test", "--imagepathscsv", "none.csv", "--checkpoint"],
                  ["export"]):
        assert main([*words, "model.onnx"]) == 2
        assert "found an ONNX graph" in capsys.readouterr().err
    assert not {"mgutils.predict.predictor"} & (set(sys.modules) - before)
    with pytest.raises(CheckpointError, match=r"Name the model\.safetensors"):
        read_weights("model.onnx")


def test_a_split_by_frame_of_too_few_frames_says_how_many(tmp_path):
    def split(count):
        frames = pd.DataFrame({"class_id": np.repeat([1, 2, 3], count)})
        return make_split(Dataset(tmp_path, frames, Labels(("a", "b", "c"))), "frame")

    with pytest.raises(ConfigError, match=r"found 6 frames of 3 classes .* wanted at least 15, "):
        split(2)
    assert len(split(5).valid) == 3
