"""From a film to joints, with detectors that are made here."""

import av
import numpy as np
import pytest
from PIL import Image

from mgutils.cli import main
from mgutils.data.keypoints import JOINTS
from mgutils.errors import ConfigError
from mgutils.predict import pose
from mgutils.predict.pose import detect_upper_body, film_keypoints, from_landmarks, write_keypoints
from mgutils.predict.skeletons import read_keypoints

COLOURS = np.array([[40 + 9 * place, 250 - 9 * place, 120] for place in range(22)])


def picture_with(places, size=(160, 120)):
    """A black picture with a coloured square at each of some places (22, 2)."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for (x, y), colour in zip(places.astype(int), COLOURS, strict=True):
        image[y - 1:y + 2, x - 1:x + 2] = colour
    return Image.fromarray(image)


class Squares:
    """Finds each joint by its colour, and remembers what it was shown."""

    def __init__(self):
        self.shapes = []

    def __call__(self, picture):
        self.shapes.append(picture.shape[:2])
        joints = np.zeros((22, 3))
        for place, colour in enumerate(COLOURS):
            rows, columns = np.nonzero((np.abs(picture.astype(int) - colour) < 4).all(axis=2))
            if len(rows):
                joints[place] = columns.mean(), rows.mean(), 1
        return joints


def write_video(file, pictures, rate):
    """A film without loss of colour that could hide a square."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264rgb", rate=rate, options={"crf": "0"})
        stream.width, stream.height, stream.pix_fmt = *pictures[0].size, "rgb24"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return file


def places(shift=0):
    return np.array([[60 + 4 * (place % 6) + shift, 40 + 6 * (place // 6)] for place in range(22)])


def test_the_second_frame_is_looked_at_closer_and_gives_the_same_joints():
    detector = Squares()
    first = detect_upper_body(detector, picture_with(places()), np.zeros((22, 3)))
    second = detect_upper_body(detector, picture_with(places(2)), first)
    assert np.allclose(first[:, :2], places())
    assert np.allclose(second[:, :2], places(2))
    assert detector.shapes[0] == (120, 160)
    assert max(detector.shapes[1]) < 60


def test_who_moved_out_of_the_part_is_found_in_the_whole():
    detector = Squares()
    before = np.column_stack([places(), np.ones(22)])
    found = detect_upper_body(detector, picture_with(places(70)), before)
    assert np.allclose(found[:, :2], places(70))
    assert detector.shapes[1] == (120, 160)


def test_a_film_becomes_a_file_that_can_be_predicted(tmp_path):
    film = write_video(tmp_path / "film.mp4", [picture_with(places(shift)) for shift in range(6)], rate=10)

    def detector(picture):
        return np.column_stack([np.full(22, 0.25 * picture.shape[1]), np.full(22, 0.5 * picture.shape[0]), np.ones(22)])

    joints, times = film_keypoints(film, detector, progress=False)
    assert joints.shape == (6, 22, 3)
    assert np.allclose(np.diff(times), 0.1, atol=0.01)
    assert joints[0, 0] == pytest.approx([0.25 * 160 / 120, 0.5, 1])
    file = write_keypoints(tmp_path / "keypoints.npz", joints, times, "film.mp4")
    assert np.array_equal(read_keypoints(file), joints)


@pytest.mark.parametrize("answer", [np.zeros((21, 3)), np.full((22, 3), np.nan), 7])
def test_a_detector_that_answers_something_else_is_told(answer):
    with pytest.raises(ConfigError, match="22 joints"):
        detect_upper_body(lambda picture: answer, picture_with(places()), np.zeros((22, 3)))


def test_landmarks_become_joints_and_a_hand_belongs_to_the_nearer_wrist():
    body = np.column_stack([np.linspace(0.1, 0.9, 33), np.linspace(0.2, 0.8, 33), np.ones(33)])
    body[8] = 0, 0, 0  # right ear not seen
    hand = np.tile(body[16], (21, 1)) + np.linspace(0, 0.02, 21)[:, None] * [1, 1, 0]
    joints = from_landmarks(body, [hand], (100, 200, 3))
    assert joints[JOINTS.index("right_wrist")] == pytest.approx([200 * body[16, 0], 100 * body[16, 1], 1])
    assert joints[JOINTS.index("neck")] == pytest.approx([200 * body[11:13, 0].mean(), 100 * body[11:13, 1].mean(), 1])
    assert (joints[JOINTS.index("right_ear")] == 0).all()
    assert joints[12] == pytest.approx([200 * hand[4, 0], 100 * hand[4, 1], 1])
    assert (joints[17:] == 0).all()


def test_without_mediapipe_the_extra_is_named(tmp_path, capsys, monkeypatch):
    film = write_video(tmp_path / "film.mp4", [picture_with(places())] * 2, rate=10)
    (tmp_path / "pose.task").write_bytes(b"no model")
    monkeypatch.setitem(__import__("sys").modules, "mediapipe", None)
    assert main(["keypoints", str(film), "--pose-model", str(tmp_path / "pose.task")]) == 2
    assert "mgutils[pose]" in capsys.readouterr().err
    assert main(["keypoints", str(film), "--pose-model", str(tmp_path / "none.task")]) == 2
    assert "none.task" in capsys.readouterr().err


def test_the_command_writes_the_file(tmp_path, capsys, monkeypatch):
    film = write_video(tmp_path / "film.mp4", [picture_with(places())] * 4, rate=10)
    (tmp_path / "pose.task").write_bytes(b"a model")
    monkeypatch.setattr(pose, "mediapipe_detector", lambda *models: Squares())
    out = tmp_path / "keypoints.npz"
    assert main(["keypoints", str(film), "--pose-model", str(tmp_path / "pose.task"), "--out", str(out)]) == 0
    assert "4 frames" in capsys.readouterr().out
    assert read_keypoints(out).shape == (4, 22, 3)
