"""The body: inverse kinematics, bones, mirror, subjects, shapes and keypoints."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from mgutils.synth.person.body import build
from mgutils.synth.person.keypoints import KEYPOINTS, RADIUS
from mgutils.synth.person.pose import LEFT, RIGHT, Pose, blend, mirror, resting
from mgutils.synth.person.skeleton import (
    BONES,
    FOREARM,
    UPPER_ARM,
    finger_joints,
    hand_frame,
    place,
    rotation,
    two_bone,
)
from mgutils.synth.person.subject import Subject, sample_subject


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_arm_reaches_what_it_can_reach(rng):
    shoulder, hint = rng.normal(size=(2, 500, 3))
    direction = rng.normal(size=(500, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    target = shoulder + direction * rng.uniform(0.04, UPPER_ARM + FOREARM - 1e-6, (500, 1))
    elbow, wrist = two_bone(shoulder, target, np.full(500, UPPER_ARM), np.full(500, FOREARM), hint)
    assert np.abs(wrist - target).max() < 1e-5
    assert np.allclose(np.linalg.norm(elbow - shoulder, axis=1), UPPER_ARM)
    assert np.allclose(np.linalg.norm(wrist - elbow, axis=1), FOREARM)
    middle = shoulder + ((elbow - shoulder) * direction).sum(1, keepdims=True) * direction
    assert (((elbow - middle) * hint).sum(1) > -1e-9).all()  # the elbow points where it is told to


@pytest.mark.parametrize(("distance", "reached"), [(2.0, UPPER_ARM + FOREARM), (0.001, UPPER_ARM - FOREARM)])
def test_arm_stops_at_its_limits(distance, reached):
    target = np.array([[0.0, 0.0, distance]])
    upper, fore, hint = np.array([UPPER_ARM]), np.array([FOREARM]), np.array([[1.0, 0, 0]])
    elbow, wrist = two_bone(np.zeros((1, 3)), target, upper, fore, hint)
    assert wrist[0, 2] == pytest.approx(reached, abs=1e-6)
    assert np.linalg.norm(elbow) == pytest.approx(UPPER_ARM, abs=1e-6)


def test_rotation_bends_forward_turns_left_tilts_right():
    up, front = np.array([0, 1.0, 0]), np.array([0, 0, 1.0])
    bend, turn, tilt = rotation(0.5 * np.eye(3))
    assert (bend @ up)[2] > 0.4
    assert (turn @ front)[0] > 0.4
    assert (tilt @ up)[0] < -0.4
    matrix = rotation(np.array([0.3, -0.7, 0.4]))
    assert np.allclose(matrix @ matrix.T, np.eye(3))
    assert np.linalg.det(matrix) == pytest.approx(1)


def test_thumbs_point_inward_when_palms_are_down():
    frame = hand_frame(np.broadcast_to([0, 0, 1.0], (1, 2, 3)), np.broadcast_to([0, -1.0, 0], (1, 2, 3)))
    assert frame[0, RIGHT, 0, 0] == pytest.approx(1)  # the right hand is at negative x
    assert frame[0, LEFT, 0, 0] == pytest.approx(-1)


def test_finger_bones_keep_their_length(rng):
    joints = finger_joints(rng.uniform(0, 1.7, (200, 5, 2)), rng.uniform(0, 0.8, 200))
    assert np.allclose(np.linalg.norm(np.diff(joints, axis=2), axis=3), BONES)


def test_curled_fingertips_come_toward_the_palm():
    straight, curled = (finger_joints(np.full((5, 2), curl), np.array(0.1)) for curl in (0.0, 1.4))
    assert (curled[1:, 2, 1] > straight[1:, 2, 1]).all()
    assert (curled[1:, 2, 2] < straight[1:, 2, 2] - 0.04).all()


def test_subject_draws_do_not_depend_on_likeness():
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    sample_subject(one, 0.0)
    sample_subject(other, 1.0)
    assert one.random() == other.random()


def test_likeness_zero_makes_everyone_alike(rng):
    first, second = sample_subject(rng, 0.0), sample_subject(rng, 0.0)
    for field in fields(first):
        assert np.allclose(getattr(first, field.name), getattr(second, field.name)), field.name
    assert not np.allclose(sample_subject(rng).cloth, sample_subject(rng).cloth)


def test_subject_is_reproducible():
    first, second = (sample_subject(np.random.default_rng(5)) for _ in range(2))
    assert all(np.array_equal(getattr(first, field.name), getattr(second, field.name)) for field in fields(first))


def test_shapes_are_finite_and_as_many_in_every_frame(rng):
    subjects = Subject.join([sample_subject(rng) for _ in range(12)])
    shapes, points = build(subjects, resting(12))
    assert shapes.a.shape == shapes.b.shape == shapes.color.shape == (12, shapes.ra.shape[1], 3)
    assert shapes.ra.shape[1] <= 95
    assert all(value.dtype == torch.float32 and torch.isfinite(value).all()
               for value in (shapes.a, shapes.b, shapes.ra, shapes.rb, shapes.color, points))
    assert shapes.color.min() >= 0 and shapes.color.max() <= 1
    assert (shapes.ra >= 0).all()
    assert points.shape == (12, len(KEYPOINTS), 3)
    assert RADIUS.shape == (len(KEYPOINTS),)
    assert (RADIUS > 0).all()


def test_one_subject_serves_all_frames(rng):
    subject = sample_subject(rng)
    once = build(subject, resting(3))[0]
    thrice = build(Subject.join([subject] * 3), resting(3))[0]
    assert torch.equal(once.a, thrice.a) and torch.equal(once.color, thrice.color)


def test_keypoints_stand_where_the_body_has_them(rng):
    _, points = build(sample_subject(rng, 0.0), resting(1))
    at = dict(zip(KEYPOINTS, points[0].numpy(), strict=True))
    assert at["head_top"][1] > at["right_eye"][1] > at["nose"][1] > at["mouth"][1] > at["chin"][1]
    assert at["chin"][1] > at["suprasternal_notch"][1] > at["right_hip"][1]
    assert at["nose"][2] > at["right_ear"][2]
    for part in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "index_tip"):
        assert at[f"right_{part}"][0] < 0 < at[f"left_{part}"][0]
    assert at["right_index_tip"][2] > at["right_wrist"][2]


def test_mirrored_pose_makes_the_mirrored_body(rng):
    subject, pose = sample_subject(rng), resting(1)
    for field in fields(pose):
        getattr(pose, field.name)[:] += rng.normal(0, 0.05, getattr(pose, field.name).shape)
    plain, mirrored = place(subject, pose), place(subject, mirror(pose))
    for name in ("shoulder", "elbow", "wrist", "finger"):
        assert np.allclose(getattr(plain, name)[:, ::-1] * (-1, 1, 1), getattr(mirrored, name)), name
    assert np.allclose(plain.atlas * (-1, 1, 1), mirrored.atlas)
    again = mirror(mirror(pose))
    assert all(np.array_equal(getattr(pose, field.name), getattr(again, field.name)) for field in fields(pose))


def test_blend_and_join():
    start, end = resting(2), resting(2)
    end.wrist += 1
    middle = blend(start, end, np.array([0.0, 0.5]))
    assert np.allclose(middle.wrist[0], start.wrist[0])
    assert np.allclose(middle.wrist[1], start.wrist[1] + 0.5)
    assert len(Pose.join([start, middle])) == 4
