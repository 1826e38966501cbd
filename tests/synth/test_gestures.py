"""The 32 gestures: where they start and end, what they touch, that they keep bones, mirror and repeat."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from mgutils.synth.gestures.perform import (
    BOTH_HANDS,
    GESTURES,
    NO_HANDS,
    Style,
    costume,
    describe,
    perform,
    rest,
    sample_style,
)
from mgutils.synth.person.body import build
from mgutils.synth.person.keypoints import KEYPOINTS
from mgutils.synth.person.pose import mirror
from mgutils.synth.person.skeleton import BONES, FOREARM, HAND_SIZE, UPPER_ARM, place
from mgutils.synth.person.subject import sample_subject

CLASSES = sorted(GESTURES)
PHASES = np.linspace(0, 1, 21)
HOLD = np.linspace(0.3, 0.75, 7)
CHOICES = (0.1, 0.4, 0.65, 0.95)

# Class, choice, point of the acting hand, keypoint that it comes to, metres.
CONTACTS = [
    (3, 0.1, "right_index_tip", "right_eye", 0.11), (4, 0.1, "right_middle_tip", "head_top", 0.07),
    (5, 0.1, "right_middle_tip", "nose", 0.13), (6, 0.1, "right_thumb_tip", "right_eye", 0.10),
    (6, 0.1, "left_thumb_tip", "left_eye", 0.10), (13, 0.1, "right_index_tip", "head_top", 0.20),
    (7, 0.1, "right_index_tip", "right_eye", 0.035), (7, 0.1, "left_index_tip", "left_eye", 0.035),
    (8, 0.1, "right_index_tip", "nose", 0.03), (8, 0.9, "right_index_tip", "right_mouth_corner", 0.03),
    (9, 0.1, "right_index_tip", "right_ear", 0.05), (10, 0.1, "right_index_tip", "mouth", 0.03),
    (11, 0.1, "right_thumb_tip", "chin", 0.07), (12, 0.1, "right_middle_tip", "neck", 0.10),
    (14, 0.1, "right_index_tip", "suprasternal_notch", 0.09), (15, 0.1, "right_middle_tip", "suprasternal_notch", 0.09),
    (18, 0.1, "right_middle_tip", "left_shoulder", 0.25), (18, 0.9, "right_middle_tip", "left_elbow", 0.30),
    (16, 0.1, "right_middle_tip", "right_shoulder", 0.20), (17, 0.1, "right_wrist", "left_elbow", 0.20),
    (22, 0.9, "right_middle_tip", "left_wrist", 0.20), (23, 0.1, "right_wrist", "left_wrist", 0.22),
    (24, 0.1, "right_index_tip", "left_wrist", 0.16), (25, 0.1, "right_middle_tip", "left_middle_tip", 0.04),
    (26, 0.9, "right_index_tip", "left_index_tip", 0.16), (30, 0.1, "right_wrist", "right_hip", 0.20),
]


@pytest.fixture(scope="module")
def subject():
    return sample_subject(np.random.default_rng(1), 1.0)


def points_of(class_id, phase, style, subject):
    subject = costume(class_id, subject)
    _, points = build(subject, perform(class_id, phase, style, subject))
    return dict(zip(KEYPOINTS, points.numpy().swapaxes(0, 1), strict=True))


@pytest.mark.parametrize("class_id", CLASSES)
def test_gesture_starts_and_ends_at_rest_and_is_finite_between(class_id, subject):
    for choice in CHOICES:
        style = Style(choice=choice, rest=(0.01, -0.01))
        pose, neutral = perform(class_id, PHASES, style, subject), rest(1, style)
        for field in fields(pose):
            value = getattr(pose, field.name)
            assert np.isfinite(value).all(), field.name
            if field.name not in ("fingers", "palm", "elbow"):
                assert np.allclose(value[[0, -1]], getattr(neutral, field.name)), field.name
        ends, still = place(subject, pose), place(subject, neutral)
        for name in ("wrist", "elbow", "finger", "atlas"):
            assert np.allclose(getattr(ends, name)[[0, -1]], getattr(still, name)), name


@pytest.mark.parametrize("class_id", CLASSES)
def test_bones_keep_their_length(class_id, subject):
    skeleton = place(subject, perform(class_id, PHASES, Style(choice=0.1), subject))
    size = float(subject.scale[0] * subject.arm[0])
    assert np.allclose(np.linalg.norm(skeleton.elbow - skeleton.shoulder, axis=-1), UPPER_ARM * size)
    assert np.allclose(np.linalg.norm(skeleton.wrist - skeleton.elbow, axis=-1), FOREARM * size)
    lengths = np.linalg.norm(np.diff(skeleton.finger, axis=-2), axis=-1)
    assert np.allclose(lengths, BONES * HAND_SIZE * float(subject.hand[0]))


@pytest.mark.parametrize(("class_id", "choice", "hand", "goal", "limit"), CONTACTS)
def test_hand_comes_to_what_the_class_names(class_id, choice, hand, goal, limit, subject):
    at = points_of(class_id, HOLD, Style(choice=choice), subject)
    assert np.linalg.norm(at[hand] - at[goal], axis=1).max() < limit


def test_wrists_get_where_the_gestures_want_them():
    """No target lies far out of an arm's reach, for anyone."""
    rng = np.random.default_rng(4)
    for class_id in CLASSES:
        subject = costume(class_id, sample_subject(rng))
        pose = perform(class_id, HOLD, Style(choice=float(rng.random())), subject)
        missed = np.linalg.norm(place(subject, pose).wrist - pose.wrist, axis=-1).max()
        assert missed < 0.03, (class_id, missed)


def test_shape_of_the_gestures_of_the_trunk(subject):
    still = points_of(29, HOLD, Style(), subject)
    straight, turtle, up = (points_of(class_id, HOLD, Style(), subject) for class_id in (21, 1, 28))
    assert (straight["head_top"][:, 1] > still["head_top"][:, 1] + 0.04).all()
    assert (turtle["chin"][:, 1] < still["chin"][:, 1] - 0.03).all()
    assert (turtle["right_shoulder"][:, 1] > still["right_shoulder"][:, 1] + 0.03).all()
    assert (up["chin"][:, 1] > still["chin"][:, 1] + 0.02).all()
    behind, akimbo = (points_of(class_id, HOLD, Style(), subject) for class_id in (19, 30))
    assert (behind["right_wrist"][:, 2] < behind["right_shoulder"][:, 2] - 0.08).all()
    assert (akimbo["right_elbow"][:, 0] < akimbo["right_shoulder"][:, 0] - 0.08).all()
    folded = points_of(17, HOLD, Style(), subject)
    assert (folded["right_wrist"][:, 0] > 0).all() and (folded["left_wrist"][:, 0] < 0).all()
    shaken = points_of(31, PHASES, Style(), subject)
    difference = shaken["right_shoulder"][:, 1] - shaken["left_shoulder"][:, 1]
    assert difference.max() > 0.04 and difference.min() < -0.04


@pytest.mark.parametrize("class_id", CLASSES)
def test_left_is_the_mirror_image_of_right(class_id, subject):
    style = Style(hand="right", choice=0.7, jitter=(0.01, 0.005, 0.0), rest=(0.01, 0.0), drift=0.3, neighbour=11)
    right = perform(class_id, PHASES, style, subject)
    left = perform(class_id, PHASES, replace(style, hand="left"), subject)
    for field in fields(left):
        assert np.array_equal(getattr(mirror(right), field.name), getattr(left, field.name)), field.name


def _depth(point, shapes, slot):
    """How deep a point lies inside a shape (taken as a capsule of varying width), metres."""
    a, b = shapes.a[:, slot].double(), shapes.b[:, slot].double()
    axis = b - a
    along = (((point - a) * axis).sum(1) / (axis * axis).sum(1)).clamp(0, 1)
    radius = shapes.ra[:, slot] + along * (shapes.rb[:, slot] - shapes.ra[:, slot])
    return float((radius - (point - a - along[:, None] * axis).norm(dim=1)).max())


@pytest.mark.slow
def test_hands_do_not_pass_through_head_and_trunk():
    subject = sample_subject(np.random.default_rng(0), 0.0)
    cranium, face, trunk = 0, 1, 28
    for class_id in CLASSES:
        person = costume(class_id, subject)
        for choice in CHOICES:
            pose = perform(class_id, np.linspace(0, 1, 31), Style(choice=choice), person)
            shapes, _ = build(person, pose)
            assert torch.allclose(shapes.ra[0, trunk], torch.tensor(0.148), atol=1e-3)  # the slot is the chest's
            skeleton = place(person, pose)
            spots = np.concatenate([skeleton.finger.reshape(31, 30, 3), skeleton.wrist], axis=1)
            for slot in (cranium, face, trunk):
                for spot in torch.from_numpy(spots).unbind(1):
                    assert _depth(spot, shapes, slot) < 0.015, (class_id, choice, slot)


def test_same_arguments_same_bytes(subject):
    def once():
        style = sample_style(8, np.random.default_rng(3), 0.6)
        return build(subject, perform(8, PHASES, style, subject))[0].a

    assert torch.equal(once(), once())


def test_frames_do_not_depend_on_each_other(subject):
    style = sample_style(18, np.random.default_rng(2), 1.0)
    together = perform(18, PHASES, style, subject)
    alone = perform(18, PHASES[7:8], style, subject)
    for field in fields(alone):
        assert np.allclose(getattr(together, field.name)[7:8], getattr(alone, field.name), atol=1e-12), field.name


def test_style_draws_do_not_depend_on_confusion():
    one, other = np.random.default_rng(9), np.random.default_rng(9)
    apart, alike = sample_style(11, one, 0.0), sample_style(11, other, 1.0)
    assert apart.drift == 0 < alike.drift
    assert (apart.hand, apart.choice, apart.speed) == (alike.hand, alike.choice, alike.speed)
    assert one.random() == other.random()


def test_confusion_brings_neighbours_together(subject):
    def tip(class_id, neighbour, confusion):
        rng = np.random.default_rng(0)
        styles = [replace(sample_style(class_id, rng, confusion), hand="right", neighbour=neighbour) for _ in range(30)]
        points = [points_of(class_id, np.array([0.5]), style, subject) for style in styles]
        return np.mean([at["right_index_tip"][0] for at in points], axis=0)

    def gap(confusion):
        return np.linalg.norm(tip(8, 11, confusion) - tip(11, 8, confusion))

    assert gap(1.0) < 0.6 * gap(0.0)


def test_descriptions_name_the_hand():
    for class_id in CLASSES:
        for choice in CHOICES:
            texts = {hand: describe(class_id, Style(hand=hand, choice=choice)) for hand in ("right", "left")}
            for text in texts.values():
                assert text[0].isupper() and text.endswith(".") and "{" not in text
            if class_id not in NO_HANDS | BOTH_HANDS and "oth " not in texts["left"]:
                assert "right" in texts["right"] and "left" in texts["left"]


def test_hat_needs_a_cap(subject):
    wearing = costume(3, subject)
    assert wearing.cap.all()
    assert not costume(13, wearing).cap.any()
