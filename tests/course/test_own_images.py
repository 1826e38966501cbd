"""Notebook 01 on images that somebody imported: other classes, every image a clip of its own."""

import re

import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mgutils.cli import main
from mgutils.course.notebooks import SOURCES, execute, read_source

pytestmark = pytest.mark.slow
SOURCE = SOURCES / "01_data_exploration.py"
CLASSES = {"zebra": (200, 60, 60), "gnu": (60, 190, 60), "okapi": (60, 60, 200)}


@pytest.fixture
def pictures(tmp_path):
    """60 images of 3 classes by 5 persons, in a folder for each class, and their CSV."""
    folder, rows = tmp_path / "pictures", []
    rng = np.random.default_rng(0)
    for name, colour in CLASSES.items():
        (folder / name).mkdir(parents=True)
        for number in range(20):
            noise = rng.integers(-50, 50, (32, 32, 3))
            path = f"{name}/{number}.png"
            Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(folder / path)
            rows.append({"path": path, "class": name, "group": f"person {number % 5}"})
    pd.DataFrame(rows).to_csv(folder / "list.csv", index=False)
    return folder


def printed(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    return "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))


def test_the_whole_notebook_runs_where_the_persons_are_known(pictures, tmp_path, capsys):
    data, out = tmp_path / "data", tmp_path / "out"
    assert main(["import", "folders", str(pictures / "list.csv"), str(data)]) == 0
    places = ["--data-root", str(data), "--out-dir", str(out)]
    assert main(["reproduce", "--only", "01", "--profile", "smoke", *places]) == 0
    said = printed(out / "notebooks" / f"{SOURCE.stem}.ipynb")
    assert "60 frames, 60 clips, 3 classes" in said and re.search(r"subject \d+: \d+ frames in training", said)
    assert "looking the subject up:" in said


def test_it_runs_with_its_solutions_where_they_are_not(pictures, tmp_path, capsys):
    (pictures / "list.csv").unlink()
    data, solved = tmp_path / "data", tmp_path / "solved.ipynb"
    assert main(["import", "folders", str(pictures), str(data)]) == 0
    nbformat.write(read_source(SOURCE, "instructor"), solved)
    parameters = {"profile": "smoke", "data_root": str(data), "out_dir": str(tmp_path / "out")}
    said = printed(execute(solved, tmp_path / "executed.ipynb", parameters))
    assert "0.0% of the validation frames have a sibling" in said and "clips shared 0.0%" in said
