"""Files from strangers that once ended in a traceback, or were misread in silence."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from video_files import make_video

from mgutils.cli import main
from mgutils.config import run_config
from mgutils.data.images import read_rgb
from mgutils.data.pictures import find_files, left_out_lines
from mgutils.data.video import probe, read_frames
from mgutils.errors import CheckpointError, DataError
from mgutils.predict.weights import read_weights
from mgutils.training.store import train_all


@pytest.mark.parametrize("level", [0.5, 200.0, float("nan")])
def test_a_float_image_is_refused(tmp_path, level):
    """Pillow would clip 0..1 to black without a word."""
    Image.fromarray(np.full((4, 4), level, np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(DataError, match="floating-point numbers"):
        read_rgb(tmp_path / "a.tiff")


def test_a_file_name_that_is_not_utf8_is_named_and_can_be_left_out(tmp_path):
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")
    Image.new("RGB", (4, 4)).save(strange)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    for named in (strange, str(tmp_path)):
        with pytest.raises(DataError, match="not UTF-8") as caught:
            list(find_files([named], None))
        assert "\\udcff.png" in str(caught.value).encode("utf-8").decode()
    left_out = []
    assert list(find_files([str(tmp_path)], None, left_out)) == [tmp_path / "a.png"]
    assert "\\udcff.png: a name that is not UTF-8" in "\n".join(left_out_lines(left_out))


def test_an_error_about_a_name_that_is_not_utf8_can_be_printed(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        read_weights(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.pt"))
    assert b"udcff.pt" in str(caught.value).encode("utf-8")


def strange(folder, name=b"bild\xff"):
    """A path in the folder whose last part is no UTF-8."""
    return os.fsdecode(os.fsencode(folder) + b"/" + name)


@pytest.fixture
def photographs(tmp_path):
    """A folder of images for each of two classes, in a folder whose name is no UTF-8."""
    folder = Path(strange(tmp_path))
    for place in range(12):
        file = folder / "ab"[place % 2] / f"{place}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (20 * place, 0, 0)).save(file)
    return folder


@pytest.mark.slow
def test_a_dataset_may_lie_in_a_folder_whose_name_is_not_utf8(photographs, tmp_path, capsys):
    root = strange(tmp_path, b"data\xff")
    (photographs / "a" / "0.jpg").write_bytes(b"damaged")
    assert main(["import", "folders", str(photographs), root]) == 2
    assert "bild\\udcff/a/0.jpg: found an image that cannot be decoded" in capsys.readouterr().err
    assert main(["import", "folders", str(photographs), root, "--skip-bad"]) == 0
    assert "bild\\udcff/a/0.jpg" in (Path(root) / "not_imported.csv").read_text(encoding="utf-8")
    Image.new("RGB", (4, 4)).save(strange(f"{root}/training/1", b"bild\xff.jpg"))
    os.mkdir(strange(f"{root}/training"))
    for words in (["--no-decode"], [], ["--skip-bad"]):
        capsys.readouterr()
        assert main(["data", "check", root, *words]) == 0
        said = capsys.readouterr().out
        assert "data\\udcff/training: 1 images that no row of train.xlsx lists" in said
        assert "data\\udcff: 11 images" in said
    run, = train_all([run_config("smoke", "sound_ce", epochs=1)], root, tmp_path / "out", jobs=1, progress=False)
    assert run.metrics["samples"] > 0


@pytest.mark.parametrize("name", [b"a/bild\xff.jpg", b"bild\xff.jpg", b"klasse\xff/1.jpg"])
def test_an_import_names_what_has_a_name_that_is_not_utf8(photographs, tmp_path, name, capsys):
    file = Path(strange(photographs, name))
    file.parent.mkdir(exist_ok=True)
    Image.new("RGB", (4, 4)).save(file)
    for words in ([], ["--skip-bad"]):
        assert main(["import", "folders", str(photographs), str(tmp_path / "data"), *words]) == 2
        said = capsys.readouterr().err
        assert "1 fault in the data" in said and r"\udcff" in said and not (tmp_path / "data").exists()


@pytest.mark.slow
def test_predictions_name_what_has_a_name_that_is_not_utf8(photographs, tiny_template, tmp_path, capsys):
    run, = train_all([run_config("smoke", "sound_ce", epochs=1)], tiny_template, tmp_path / "out", jobs=1,
                     progress=False)
    good = photographs.rename(tmp_path / "photographs")
    Image.new("RGB", (4, 4)).save(strange(good, b"bild\xff.jpg"))
    words = ["predict", str(good), "--checkpoint", str(run.directory), "--out-dir", strange(tmp_path, b"answers\xff")]
    assert main(words) == 2
    assert "bild\\udcff.jpg: found a name that is not UTF-8" in capsys.readouterr().err
    assert main([*words, "--skip-bad"]) == 0
    said = capsys.readouterr().out
    assert "answers\\udcff/predictions.csv: 12 pictures answered" in said and "bild\\udcff.jpg: a name that" in said


def test_a_damaged_video_is_a_fault(tmp_path):
    """Twenty bytes changed anywhere: frames, or the project's own error."""
    content, draw, refused = make_video(tmp_path / "a.mp4", 12).read_bytes(), random.Random(0), 0
    for _ in range(60):
        changed = bytearray(content)
        for _ in range(20):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        (tmp_path / "b.mp4").write_bytes(changed)
        for read in (probe, lambda file: list(read_frames(file))):
            try:
                read(tmp_path / "b.mp4")
            except DataError:
                refused += 1
    assert refused > 10
