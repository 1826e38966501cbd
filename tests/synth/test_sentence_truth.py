"""Sentences of the studio against its truth, found in other ways: the style of a clip, and the angles of its pose."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from mgutils.config import ClipConfig
from mgutils.data.csv import write_csv
from mgutils.data.sentences import CLASS_SENTENCES, PARTS, SENTENCES
from mgutils.data.splits import TEST_SUBJECTS, TRAIN_SUBJECTS
from mgutils.errors import ConfigError, DataError
from mgutils.synth.attributes import MOMENTS, MOVING, SIDES, attributes
from mgutils.synth.dataset import RECORD, recorded
from mgutils.synth.frames import _animate, clip_table
from mgutils.synth.person.skeleton import place
from mgutils.synth.plan import make_plan
from mgutils.synth.sentences import PHRASINGS, leading, mirrored, say, say_of_class, write_sentences

APART = ClipConfig(frames=800, confusion=0.0, imbalance=0.0, seed=5)
"""No clip drifts to another class, so that each shows what its description says."""
SMALL = ClipConfig(frames=400, imbalance=0.0, seed=6)


@pytest.fixture(scope="module")
def apart() -> pd.DataFrame:
    """Clips with what was seen of them."""
    return _seen(APART)


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    return _seen(SMALL)


def _seen(config: ClipConfig) -> pd.DataFrame:
    clips = clip_table(config, make_plan(config))
    clips.index = clips.index[::-1]  # the index is nobody's place
    return clips[["clip_id", "true_class_id", "video_id", "subject_id", "class_id", "hand", "description"]].join(
        attributes(config, clips))


PLACE = {3: "forehead", 5: "forehead", 9: "{hand} ear", 10: "mouth", 12: "{hand} neck", 13: "({hand} hair|aside_face)",
         15: "collar", 16: "{hand} back"}
"""Where the one hand of a class is, by its description."""


@pytest.mark.parametrize("class_id", PLACE)
def test_one_hand_touches_what_its_description_says(apart, class_id):
    clips = apart[apart["true_class_id"] == class_id]
    assert len(clips) >= 3
    for row in clips.to_dict("records"):
        hand, other = row["hand"], "left" if row["hand"] == "right" else "right"
        assert re.fullmatch(PLACE[class_id].format(hand=hand), row[f"{hand}_place"])
        assert row[f"{other}_place"] == "table" and row[f"{other}_motion"] == "still"
        assert leading(row) == hand
        assert re.search(rf"\b{hand} hand (touches|rubs|rests|is at|stays|moves)", say(row, 1))


def test_what_both_hands_do(apart):
    of_class = dict(list(apart.groupby("true_class_id")))
    for class_id, column, word in ((17, "hands", "crossed"), (19, "hands", "together"), (23, "hands", "together"),
                                   (24, "hands", "together"), (25, "hands", "together")):
        assert set(of_class[class_id][column]) == {word}, class_id
    for side in SIDES:
        assert set(of_class[19][f"{side}_place"]) == {"behind"}
        assert set(of_class[27][f"{side}_elbow"]) == {"back"}
        assert set(of_class[30][f"{side}_elbow"]) == {"out"}
        assert set(of_class[30][f"{side}_place"]) <= {f"{side} hip", f"{side} ribs"}
        for class_id in (1, 2, 20, 21, 28, 29, 31):
            assert set(of_class[class_id][f"{side}_place"]) == {"table"}


def test_the_arm_that_is_scratched_is_the_other_one(apart):
    for row in apart[apart["true_class_id"] == 22].to_dict("records"):
        hand, arm = re.match(r"The (\w+) hand scratches the (\w+) ", row["description"]).groups()
        assert row[f"{hand}_place"].split()[0] == arm != hand
        assert row[f"{hand}_motion"] == "moving"


def test_the_side_that_the_trunk_leans_to_is_that_of_the_description(apart):
    for row in apart[apart["true_class_id"] == 20].to_dict("records"):
        assert row["lean"] == re.search(r"leans to the (\w+)", row["description"])[1]
        assert f"to the {row['lean']}" in say(row, 1, "trunk")


def test_head_and_shoulders_of_the_classes_that_move_nothing_else(apart):
    of_class = dict(list(apart.groupby("true_class_id")))
    assert set(of_class[28]["bend"]) == {"up"}
    assert set(of_class[1]["shoulders"]) == {"high"}
    assert set(of_class[31]["shoulders"]) == {"shaking"}
    assert set(of_class[29]["shoulders"]) == {"level"}


def test_angles_and_motion_by_the_pose_instead_of_the_keypoints(small):
    """Clip by clip from what the animation was told, where it is not within a hair of a limit."""
    checked = 0
    for clip in small.sample(60, random_state=0).itertuples():
        frames = pd.DataFrame({"clip_id": clip.clip_id, "true_class_id": clip.true_class_id,
                               "subject_id": clip.subject_id, "phase": MOMENTS})
        subject, pose = _animate(SMALL, frames)
        bend, turn, tilt = np.degrees(np.median(pose.head[1:], axis=0))
        spine = [Rotation.from_euler("YZX", angles[[1, 2, 0]]).apply([0, 1, 0]) for angles in pose.torso[1:]]
        lean = -np.degrees(np.median([np.arcsin(along[0]) for along in spine]))
        if min(abs(bend - 4), abs(bend - 7), abs(bend + 8)) > 0.7:
            assert clip.bend == ("low" if bend > 7 else "down" if bend > 4 else "up" if bend < -8 else "level")
            checked += 1
        for word, angle, limit in ((clip.tilt, -tilt, 4), (clip.turn, turn, 6), (clip.lean, -lean, 4)):
            if abs(angle) > limit + 0.7:
                assert word == ("left" if angle > 0 else "right")
            elif abs(angle) < limit - 0.7:
                assert word not in SIDES
        joints = place(subject, pose).finger[1:, :, :, 2]  # (T, 2, 5, 3)
        for side, tips in zip(SIDES, joints.transpose(1, 0, 2, 3), strict=True):
            middle = [sum(points) / 5 for points in tips]
            low = [min(point[axis] for point in middle) for axis in range(3)]
            high = [max(point[axis] for point in middle) for axis in range(3)]
            far = sum((top - bottom) ** 2 for top, bottom in zip(high, low, strict=True)) ** 0.5
            if abs(far - MOVING) > 1e-5:
                assert getattr(clip, f"{side}_motion") == ("moving" if far > MOVING else "still")
    assert checked > 30


def test_a_mirror_changes_sides_and_nothing_else(small):
    seen = small.drop(columns=["clip_id", "true_class_id", "video_id", "subject_id", "class_id", "hand", "description"])
    swapped = mirrored(seen)
    pd.testing.assert_frame_equal(mirrored(swapped), seen)
    for before, after in zip(seen.to_dict("records"), swapped.to_dict("records"), strict=True):
        assert before["right_place"].split()[-1] == after["left_place"].split()[-1]
        assert before["lean"] in (after["lean"], {"left": "right", "right": "left"}.get(after["lean"]))
        if leading(before):
            assert say_of_class(before, 1).count("hand") == say_of_class(after, 1).count("hand")
            assert {leading(before), leading(after)} == set(SIDES)


def test_sentences_are_of_the_wanted_length_and_form(small):
    texts = [say(row, number) for row in small.to_dict("records") for number in range(1, PHRASINGS + 1)]
    assert 20 < np.mean([len(text.split()) for text in texts]) < 32
    for text in texts:
        assert text[0].isupper() and text.endswith(".") and "  " not in text and "{" not in text and " ;" not in text
    for row in small.to_dict("records"):
        assert len({say(row, number) for number in range(1, PHRASINGS + 1)}) == PHRASINGS
        assert not re.search(r"\b(left|right)\b", say_of_class(row, 1)) or leading(row) != "right"


def test_a_whole_sentence_is_made_of_its_parts(small):
    for row in small.head(40).to_dict("records"):
        whole = say(row, 2).lower()
        for part in ("hands", "head"):
            assert say(row, 2, part).lower().removesuffix(".") in whole


# -- the files ---------------------------------------------------------------------------------------


def _folder(root, config: ClipConfig, clips: pd.DataFrame):
    root.mkdir()
    write_csv(clips, root / "clips.csv")
    (root / RECORD).write_text(json.dumps({"config": recorded(config)}))
    return root


def test_class_sentences_do_not_know_the_people_of_the_test(tmp_path):
    clips = clip_table(SMALL, make_plan(SMALL))
    files = []
    for name, people in (("all", TRAIN_SUBJECTS + TEST_SUBJECTS), ("train", TRAIN_SUBJECTS)):
        root = _folder(tmp_path / name, SMALL, clips[clips["subject_id"].isin(people)])
        files.append((write_sentences(root)[1].read_bytes(), len(pd.read_csv(root / SENTENCES))))
    assert files[0][0] == files[1][0]
    assert files[0][1] > files[1][1]


def test_equal_files_again_and_nobody_elses_are_written_over(tmp_path):
    clips = clip_table(SMALL, make_plan(SMALL)).head(30)
    root = _folder(tmp_path / "clips", SMALL, clips)
    first = [file.read_bytes() for file in write_sentences(root)]
    assert first == [file.read_bytes() for file in write_sentences(root)]
    table = pd.read_csv(root / SENTENCES)
    assert list(table) == ["clip_id", "number", "sentence", "source", *PARTS]
    assert len(table) == 30 * PHRASINGS
    assert set(pd.read_csv(root / CLASS_SENTENCES)["class_id"]) == set(range(1, 33))
    (root / SENTENCES).write_text("clip_id,number,sentence,source\n1,1,A hand.,somebody\n")
    with pytest.raises(ConfigError, match="somebody"):
        write_sentences(root)


def test_only_data_of_the_studio(tmp_path):
    clips = clip_table(SMALL, make_plan(SMALL)).head(3)
    root = _folder(tmp_path / "clips", SMALL, clips)
    write_csv(clips.assign(true_class_id=[1, 40, 2]), root / "clips.csv")
    with pytest.raises(DataError, match=r"row 3, column 'true_class_id'.*40"):
        write_sentences(root)
    for record in ("", "[]", '{"config": {"seed": "a"}}', '{"config": {"what": 1}}'):
        (root / RECORD).write_text(record)
        with pytest.raises(ConfigError, match="mg caption"):
            write_sentences(root)
