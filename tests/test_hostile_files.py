"""Files from strangers that once ended in a traceback, or were misread in silence."""

import os
import random

import numpy as np
import pytest
from PIL import Image
from video_files import make_video

from mgutils.answers import LeftOut
from mgutils.data.images import read_rgb
from mgutils.data.pictures import find_files
from mgutils.data.video import probe, read_frames
from mgutils.errors import CheckpointError, DataError
from mgutils.foreign import read_weights


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
    left_out = LeftOut()
    assert list(find_files([str(tmp_path)], None, left_out)) == [tmp_path / "a.png"]
    assert "\\udcff.png: a name that is not UTF-8" in "\n".join(left_out.lines())


def test_an_error_about_a_name_that_is_not_utf8_can_be_printed(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        read_weights(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.pt"))
    assert b"udcff.pt" in str(caught.value).encode("utf-8")


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
