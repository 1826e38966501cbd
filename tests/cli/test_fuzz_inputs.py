"""Whatever is in a table or a label file, reading it gives a table or the project's own error, never another.

A property for each reader; inputs are small and drawn from what such files are made of, so that most get past the
first check. The examples are the same in every run.
"""

from __future__ import annotations

import datetime
import io
import json
import random
import resource
import time
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import openpyxl
import pandas as pd
import pytest
import torch
from broken_files import FIELDS, change_bytes, damage, faults_of, tables
from conftest import TINY_NAMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from label_files import HEADER
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image
from safetensors.torch import save_file
from video_files import make_video

from mgutils.config import run_config
from mgutils.course.grading.worker import Submission
from mgutils.course.notebooks import _existing
from mgutils.data.check import COLUMNS, check_rows
from mgutils.data.csv import read_csv
from mgutils.data.images import read_rgb
from mgutils.data.importers import import_folders
from mgutils.data.importers.annotations import read_annotations
from mgutils.data.labels import Labels, read_labels, write_labels
from mgutils.data.layout import write_tables
from mgutils.data.sidecar import read_clips
from mgutils.data.table import check_dataset
from mgutils.data.video import probe, read_frames
from mgutils.data.workbook import read_sheet
from mgutils.errors import DataError, Findings, MgError, NotebookError
from mgutils.predict.weights import read_weights
from mgutils.training.config_file import read_config

EXAMPLES = {"labels": 450, "csv": 350, "annotations": 120, "sidecar": 100, "folders": 80, "captions": 80, "cells": 150,
            "sheet": 60, "workbook": 100}


def examples(name: str):
    return settings(max_examples=EXAMPLES[name], deadline=None, derandomize=True, database=None,
                    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def test_the_examples_are_many():
    assert sum(EXAMPLES.values()) >= 1_400


@pytest.mark.slow
@given(content=st.one_of(tables(("id", "name")), st.binary(max_size=60)))
@example(content=b"id,name\n1,a\n2,b, c\n")
@example(content=b"\xff\xfei\x00d\x00")
@examples("labels")
def test_labels(tmp_path, content):
    file = tmp_path / "Clip_label.csv"
    file.write_bytes(content)
    if not faults_of(lambda: read_labels(file)):
        labels = read_labels(file)
        assert len(labels) >= 1 and all(name.strip() for name in labels.names)


@pytest.mark.slow
@given(content=st.one_of(tables(("path", "class")), st.binary(max_size=60)))
@examples("csv")
def test_any_csv(tmp_path, content):
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    if not faults_of(lambda: read_csv(file, ("path", "class"), "Mend it.")):
        table = read_csv(file, ("path", "class"), "Mend it.")
        assert len(table) and table.index.is_unique and table.map(lambda field: isinstance(field, str)).all(axis=None)


@pytest.mark.slow
@given(content=tables(tuple(HEADER.split(","))))
@examples("annotations")
def test_annotations(tmp_path, content):
    (tmp_path / "labels.csv").write_bytes(content)
    faults_of(lambda: read_annotations(tmp_path / "labels.csv"))


@pytest.mark.slow
@given(content=tables(("clip_id", "video_id", "subject_id", "class_id", "description")))
@examples("sidecar")
def test_sidecar(tmp_path, content):
    (tmp_path / "clips.csv").write_bytes(content)
    findings, frames = Findings(), pd.DataFrame({"clip_id": [1, 2, -1], "class_id": [1, 2, 3], "path": list("abc")})
    assert (read_clips(tmp_path / "clips.csv", frames, findings) is None) == bool(findings.faults)


@pytest.mark.slow
@given(content=tables(("path", "class", "caption", "group")))
@examples("folders")
def test_a_list_of_images(tmp_path, content):
    """No listed image exists, so every import fails; it leaves nothing."""
    (tmp_path / "list.csv").write_bytes(content)
    assert faults_of(lambda: import_folders(tmp_path / "list.csv", tmp_path / "out", progress=False))
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]


@pytest.mark.slow
@given(names=st.lists(st.one_of(FIELDS, st.text(max_size=12)), min_size=1, max_size=5))
@example(names=["=1+1", "_x0041_", "'a", "\x85", " \u3000b ", "#N/A", "TRUE", "1e5", "\ufffd"])
@examples("captions")
def test_captions_that_can_be_read_survive_every_table(tmp_path, names):
    """Label file, workbook and CSV give back what was written, or the label file is refused."""
    try:
        write_labels(Labels(tuple(names)), tmp_path / "Clip_label.csv")
        labels = read_labels(tmp_path / "Clip_label.csv")
    except DataError:
        return
    ids = range(1, len(names) + 1)
    frames = pd.DataFrame({"path": [f"{i}/{i}.0.jpg" for i in ids], "class_id": ids, "clip_id": ids, "frame_id": 0})
    write_tables(tmp_path, frames, labels)
    findings = Findings()
    sheet = read_sheet(tmp_path / "training/train.xlsx", COLUMNS, "Mend it.", findings)
    assert sheet["Caption"].tolist() == list(labels.names) == names
    check_rows(sheet, tmp_path / "training/train.xlsx", labels, findings)
    assert not findings.faults


CELLS = st.one_of(
    FIELDS, st.integers(-2, 40), st.integers(), st.floats(), st.booleans(), st.none(), st.just(""), st.dates(),
    st.datetimes(), st.times(), st.timedeltas(), st.just(pd.NaT),
    st.sampled_from(["1/0.0.jpg", "2/1.0.jpg", "1/", "1/.."]))


@pytest.mark.slow
@given(rows=st.lists(st.tuples(*[CELLS] * 5), min_size=1, max_size=5), known=st.booleans())
@examples("cells")
def test_cells(rows, known):
    sheet = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    findings = Findings()
    frames = check_rows(sheet, Path("train.xlsx"), Labels(TINY_NAMES) if known else None, findings)
    assert len(frames) == len(rows)
    wrong = (frames["path"] == "") | (frames[["class_id", "clip_id", "frame_id"]] < 0).any(axis=1)
    empty = pd.Series([all(isinstance(cell, str) and not cell for cell in row) for row in rows])
    assert {i + 2 for i in frames.index[wrong & ~empty]} <= {fault.row for fault in findings.faults}
    assert all(map(str, findings.faults)) and (findings.faults or not wrong.any())


@st.composite
def sheets(draw) -> bytes:
    """A workbook with any cells that can be written to one."""
    book, blank = openpyxl.Workbook(), draw(st.integers(0, 2))
    header = list(COLUMNS) if draw(st.integers(0, 4)) else draw(st.lists(CELLS, max_size=6))
    for row in [[]] * (blank == 2) + [header, *draw(st.lists(st.lists(CELLS, max_size=6), max_size=5))]:
        try:
            book.active.append(row)
        except (ValueError, TypeError, OverflowError, openpyxl.utils.exceptions.IllegalCharacterError):
            continue
    file = io.BytesIO()
    try:
        book.save(file)
    except (ValueError, OverflowError, AttributeError):  # a date that no workbook can hold
        openpyxl.Workbook().save(file)
    return file.getvalue()


@pytest.mark.slow
@given(content=sheets())
@examples("sheet")
def test_sheets(bare_root, content):
    (bare_root / "training/train.xlsx").write_bytes(content)
    check = check_dataset(bare_root)
    assert check.faults and all(map(str, check.faults))


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> dict[str, bytes]:
    """The files in a whole workbook."""
    book = openpyxl.Workbook()
    for row in (COLUMNS, ("1/0.0.jpg", 1, 0, 0, "a"), ("2/1.0.jpg", 2, 1, datetime.date(2024, 1, 2), "b")):
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.slow
@given(data=st.data())
@examples("workbook")
def test_damaged_workbooks(tmp_path, parts, data):
    """A part of the archive damaged or missing, then perhaps the archive too."""
    name = data.draw(st.sampled_from(sorted(parts)))
    changed = parts | {name: change_bytes(data.draw, parts[name])}
    if data.draw(st.integers(0, 5)) == 0:
        del changed[name]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for part, content in changed.items():
            archive.writestr(part, content)
    file, findings = tmp_path / "train.xlsx", Findings()
    file.write_bytes(change_bytes(data.draw, made.getvalue()))
    sheet = read_sheet(file, COLUMNS, "Mend it.", findings)
    assert (sheet is None) == bool(findings.faults)
    if sheet is not None:
        check_rows(sheet, file, None, findings)


def test_every_error_of_the_project_has_the_exit_status_of_a_users_mistake_but_a_failed_notebook():
    status = {kind: kind.exit_status for kind in [MgError, *MgError.__subclasses__()]}
    assert status.pop(NotebookError) == 1 and set(status.values()) == {2}


# -- whole files, of every kind that the kit reads ---------------------------------------------------------------------


INPUTS = {"labels": 350, "ipynb": 350, "workbook": 200, "png": 300, "jpg": 300, "tif": 300, "mp4": 200, "pt": 300,
          "safetensors": 300, "json": 400}
"""Damaged files of each kind, 3,000 in all."""
SECONDS, KILOBYTES = 5, 2**20
"""What reading one of them may take."""


def whole_files(folder: Path) -> dict[str, bytes]:
    """One whole file of each kind."""
    folder.mkdir()
    write_labels(Labels(TINY_NAMES), folder / "labels")
    book = openpyxl.Workbook()
    for row in (COLUMNS, ("1/0.0.jpg", 1, 0, 0, "a"), ("2/1.0.jpg", 2, 1, 3, "b")):
        book.active.append(row)
    book.save(folder / "workbook")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8))
    for ending, name in (("png", "PNG"), ("jpg", "JPEG"), ("tif", "TIFF")):
        picture.save(folder / ending, name)
    make_video(folder / "a.mp4", 6).rename(folder / "mp4")
    weights = {"a.weight": torch.arange(12.0).reshape(3, 4), "a.bias": torch.zeros(3)}
    torch.save({"model": weights, "epoch": 3}, folder / "pt")
    save_file(weights, folder / "safetensors", {"note": "a"})
    code = "import re\n%time 1\ndef class_folders(names):\n    return sorted(filter(str.isdigit, names), key=int)\n"
    nbformat.write(new_notebook(cells=[new_code_cell(code), new_code_cell("x = 1")]), folder / "ipynb")
    (folder / "json").write_text(json.dumps(run_config("smoke", "sound_ce").as_dict()))
    return {kind: (folder / kind).read_bytes() for kind in INPUTS}


def read_file(kind: str, file: Path) -> None:
    """Read a file as the kit does."""
    if kind == "labels":
        read_labels(file)
    elif kind == "workbook":
        check_rows_of(file)
    elif kind in ("png", "jpg", "tif"):
        read_rgb(file)
    elif kind == "mp4":
        probe(file)
        list(read_frames(file))
    elif kind in ("pt", "safetensors"):
        read_weights(file)
    elif kind == "json":
        read_config(file)
    else:
        _existing(file)
        content = file.read_text(encoding="utf-8-sig", errors="replace")
        if Submission().read("a.ipynb", content, ["class_folders"]) is None:
            raise MgError("a broken notebook")


def check_rows_of(file: Path) -> None:
    findings = Findings()
    sheet = read_sheet(file, COLUMNS, "Mend it.", findings)
    if sheet is not None:
        check_rows(sheet, file, None, findings)


@pytest.mark.parametrize("part", [20, pytest.param(1, marks=pytest.mark.slow)], ids=["sample", "all"])
@pytest.mark.parametrize("kind", INPUTS)
def test_a_damaged_file_is_read_or_refused_in_time(tmp_path, kind, part):
    content, draw = whole_files(tmp_path / "whole")[kind], random.Random(kind)
    refused = 0
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(INPUTS[kind] // part):
        file = tmp_path / f"a.{kind}"
        file.write_bytes(damage(content, draw))
        before = time.perf_counter()
        try:
            read_file(kind, file)
        except MgError as error:
            assert str(error)
            refused += 1
        assert time.perf_counter() - before < SECONDS, number
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < KILOBYTES, number
    assert refused or kind in ("workbook", "jpg")


def test_the_damaged_files_are_three_thousand():
    assert sum(INPUTS.values()) >= 3_000
