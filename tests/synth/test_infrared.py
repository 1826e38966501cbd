"""Infrared pictures: planes in closed form, edges without a rim; what the studio writes, and what it leaves out."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mgutils.config import ClipConfig, SynthConfig
from mgutils.data.items import load_modality, read_clip_dataset
from mgutils.data.modalities import present
from mgutils.errors import ConfigError, DataError
from mgutils.synth.clips import lacking, make_clips, modalities
from mgutils.synth.dataset import RECORD, is_made
from mgutils.synth.infrared import STRENGTH, camera_points, shade_head_on

FOV = np.array([32.0])
SIDE = 24


def rays():
    """Points at depth 1 of each pixel, (S, S, 3)."""
    return camera_points(np.ones((1, SIDE, SIDE)), FOV)[0]


def plane(normal, offset):
    """Depth (1, S, S) of the plane normal . p = offset, and its brightness in closed form."""
    normal = np.asarray(normal) / np.linalg.norm(normal)
    z = offset / (rays() @ normal)
    points = rays() * z[..., None]
    squared = np.square(points).sum(axis=2)
    cosine = np.abs(points @ normal) / np.sqrt(squared)
    return z[None], np.minimum(STRENGTH * cosine / squared, 255)


@pytest.mark.parametrize(("normal", "offset"), [((0, 0, 1), 2.0), ((0.5, 0, 1), 2.0), ((0.2, -0.7, 1), 1.5)])
def test_a_plane_is_shaded_as_its_formula_says(normal, offset):
    depth, wanted = plane(normal, offset)
    assert np.abs(shade_head_on(depth, FOV)[0] - wanted).max() <= 0.5 + 1e-6


def test_the_middle_of_the_picture_is_straight_ahead_and_its_top_is_up():
    points = rays()
    assert np.allclose(points[:, :, 0], -points[:, ::-1, 0])
    assert (points[0, :, 1] > 0).all() and (points[:, -1, 0] > 0).all()
    edge = np.tan(np.radians(16)) * (1 - 1 / SIDE)
    assert points[0, -1].tolist() == pytest.approx([edge, edge, 1])


def test_twice_as_far_is_a_quarter_as_bright_and_near_is_white():
    near, far, close = (shade_head_on(np.full((1, SIDE, SIDE), z), FOV)[0].astype(int) for z in (1.4, 2.8, 0.5))
    assert np.abs(near - 4 * far).max() <= 3
    assert (close == 255).all()


def test_the_edge_of_a_hand_before_a_wall_has_no_rim():
    wall, hand = np.full((1, SIDE, SIDE), 2.6), np.full((1, SIDE, SIDE), 1.6)
    inside = np.zeros((SIDE, SIDE), dtype=bool)
    inside[6:15, 8:18] = True
    found = shade_head_on(np.where(inside, hand, wall), FOV)
    assert np.array_equal(found, np.where(inside, shade_head_on(hand, FOV), shade_head_on(wall, FOV)))


# -- in the studio -----------------------------------------------------------------------------------------------------

DRAWN = ClipConfig(frames=40, longest=4, size=16, rgb=True, depth=True, infrared=True, absent=0.4)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("infrared")
    return [make_clips(config, folder / f"{config.absent}", workers=1, progress=False)
            for config in (DRAWN, replace(DRAWN, absent=0.0))]


@pytest.mark.slow
def test_what_is_missing_is_zero_and_named_and_nothing_else_changes(drawn):
    lacking_some, whole = map(read_clip_dataset, drawn)
    assert "lacks" not in whole.frames
    for name in modalities(DRAWN):
        there = present(lacking_some, name)
        assert present(whole, name).all()
        assert not there.all()
        frames = np.repeat(there, lacking_some.frames["length"])
        kept, full = load_modality(lacking_some, name), load_modality(whole, name)
        assert (kept[~frames] == 0).all()
        assert np.array_equal(kept[frames], full[frames])
    truth = [load_modality(dataset, "truth") for dataset in (lacking_some, whole)]
    assert np.array_equal(*truth)


@pytest.mark.slow
def test_the_infrared_picture_shows_the_person_and_not_the_colours(drawn):
    dataset = read_clip_dataset(drawn[1])
    infrared = load_modality(dataset, "infrared").astype(float)
    depth = load_modality(dataset, "depth") / 1000
    near = depth < np.median(depth)
    assert infrared[near].mean() > 1.5 * infrared[~near].mean()
    assert 20 < infrared.mean() < 150


def test_each_pair_is_missing_by_the_dial_and_no_clip_lacks_all():
    names = modalities(DRAWN)
    found = [lacking(DRAWN, clip) for clip in range(3000)]
    assert max(map(len, found)) < len(names) == 4
    share = sum(map(len, found)) / len(found) / len(names)
    assert share == pytest.approx(0.4 - 0.4**4 / 4, abs=0.01)
    assert all(lacking(replace(DRAWN, absent=0.0), clip) == [] for clip in range(50))


@pytest.mark.parametrize(("change", "words"), [
    ({"rgb": False, "depth": False}, "infrared: found it without rgb"), ({"absent": 0.95}, "absent"),
    ({"rgb": False, "depth": False, "infrared": False}, "joints alone")])
def test_what_cannot_be_drawn_is_refused(tmp_path, change, words):
    with pytest.raises(ConfigError, match=words):
        make_clips(replace(DRAWN, **change), tmp_path / "clips", progress=False)


def test_an_older_record_means_the_older_parameters(tmp_path):
    config = ClipConfig(frames=40, longest=4)
    root = make_clips(config, tmp_path / "clips", progress=False)
    assert not {"infrared", "absent"} & json.loads((root / RECORD).read_text())["config"].keys()
    assert is_made(config, root)
    with pytest.raises(ConfigError, match=r"infrared False \(wanted True\)"):
        is_made(replace(config, infrared=True, rgb=True), root)
    file = root / RECORD
    file.write_text(json.dumps({"config": {name: value for name, value in json.loads(file.read_text())["config"].items()
                                           if name in SynthConfig.__dataclass_fields__}}))
    with pytest.raises(ConfigError, match="rate None"):  # images are not taken for clips
        is_made(config, root)


def test_the_name_of_no_modality_is_refused(tmp_path):
    root = make_clips(ClipConfig(frames=40, longest=4), tmp_path / "clips", progress=False)
    table = (root / "clips.csv").read_text().splitlines()
    (root / "clips.csv").write_text("\n".join([f"{table[0]},lacks", f"{table[1]},rgb joints", f"{table[2]},sound",
                                               *(f"{row}," for row in table[3:])]))
    with pytest.raises(DataError, match="'sound'") as raised:
        read_clip_dataset(root)
    assert [(fault.row, fault.column) for fault in raised.value.faults] == [(3, "lacks")]
