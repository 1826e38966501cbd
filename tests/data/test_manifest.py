"""The files of a synthetic dataset are compared with its studio.json: sizes when read, hashes by mg data check."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image

from mgutils.cli import main
from mgutils.config import SynthConfig
from mgutils.data import sidecar
from mgutils.data.table import check_dataset, read_dataset
from mgutils.errors import DataError
from mgutils.synth import dataset as studio
from mgutils.synth import writer
from mgutils.synth.dataset import make_dataset


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    parameters = SynthConfig(frames=40, size=16, depth=True)
    return make_dataset(parameters, tmp_path_factory.mktemp("made") / "set", workers=1, progress=False)


@pytest.fixture
def root(made, tmp_path):
    return shutil.copytree(made, tmp_path / "set")


@pytest.mark.slow
def test_what_the_studio_made_has_no_fault(root, capsys):
    assert check_dataset(root, decode=True, progress=False).faults == ()
    assert main(["data", "check", str(root)]) == 0
    assert sidecar._CHUNK == writer.CHUNK and sidecar.RECORD == studio.RECORD


@pytest.mark.parametrize("name", ["clips.csv", "keypoints.npz", "training/train.xlsx", "Clip_label.csv"])
def test_a_table_of_another_size_is_a_fault_when_the_data_is_read(root, name):
    with (root / name).open("ab") as file:
        file.write(b"\n")
    size = (root / name).stat().st_size
    with pytest.raises(DataError, match=rf"{name}: found {size:,} bytes; wanted {size - 1:,}, as studio.json"):
        read_dataset(root)


def test_a_table_that_went_away_is_a_fault(root):
    (root / "keypoints.npz").unlink()
    with pytest.raises(DataError, match="keypoints.npz: found no such file; wanted one of"):
        read_dataset(root)


def test_another_content_of_the_same_size_is_a_fault_of_the_check(root):
    file = root / "keypoints.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    read_dataset(root)
    fault, = check_dataset(root).faults
    assert fault.file == str(file) and fault.found.startswith("SHA-256")


@pytest.mark.parametrize("kind", ["training", "depth"])
def test_another_picture_is_a_fault_of_the_check(root, kind):
    picture = sorted((root / kind).glob("*/*.*g"))[0]
    with Image.open(picture) as image:
        other = image.rotate(180)
    other.save(picture)
    fault, = check_dataset(root, decode=True, progress=False).faults
    assert fault.file == str(root / "training") and "for all of them" in fault.wanted


def test_a_picture_that_is_gone_is_said_once(root):
    sorted((root / "training").glob("*/*.jpg"))[0].unlink()
    fault, = check_dataset(root, decode=True, progress=False).faults
    assert fault.column == "Path"


def test_a_depth_picture_that_is_gone_is_a_fault_of_the_check(root):
    gone = sorted((root / "depth").glob("*/*.png"))[0]
    gone.unlink()
    fault, = check_dataset(root, decode=True, progress=False).faults
    assert fault.file == str(gone)


@pytest.mark.parametrize("change", [lambda record: record.pop("bytes"), lambda record: record.clear()])
def test_older_records_are_let_through(root, change):
    record = json.loads((root / "studio.json").read_text())
    change(record)
    (root / "studio.json").write_text(json.dumps(record))
    with (root / "keypoints.npz").open("ab") as file:
        file.write(b"\n")
    assert len(read_dataset(root)) == 40


def test_without_a_record_nothing_is_compared(root):
    (root / "studio.json").unlink()
    (root / "keypoints.npz").unlink()
    assert check_dataset(root, decode=True, progress=False).faults == ()
