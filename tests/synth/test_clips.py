"""Clips of the studio: same bytes, whole or absent, a detector that does what its dials say."""

from dataclasses import fields, replace

import numpy as np
import pytest

from mgutils.config import ClipConfig, SynthConfig
from mgutils.data.items import load_modality, read_clip_dataset
from mgutils.data.keypoints import JOINTS, MIRROR
from mgutils.errors import ConfigError
from mgutils.synth import clips as studio
from mgutils.synth.clips import make_clips
from mgutils.synth.dataset import make_dataset
from mgutils.synth.detector import HANDS, detect
from mgutils.synth.frames import project_frames
from mgutils.synth.plan import make_plan

SMALL = ClipConfig(frames=120, imbalance=0.6)


def content(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return make_clips(SMALL, tmp_path_factory.mktemp("studio") / "clips", progress=False)


def test_equal_parameters_give_equal_bytes(small, tmp_path):
    again = make_clips(SMALL, tmp_path / "again", progress=False)
    assert content(again) == content(small)
    other = make_clips(replace(SMALL, seed=1), tmp_path / "other", progress=False)
    assert content(other)["clips/joints.npy"] != content(small)["clips/joints.npy"]


def test_the_truth_is_that_of_the_images(small, tmp_path):
    """Images and clips of one plan: where a phase of a clip is that of an image, so are its joints."""
    images = SynthConfig(**{field.name: getattr(SMALL, field.name) for field in fields(SynthConfig)})
    rows = make_plan(images).frames[:6]
    with np.load(make_dataset(images, tmp_path / "images", progress=False) / "keypoints.npz") as file:
        uv, names = file["uv"][:6] / images.size, file["names"].tolist()
    for row, wanted in zip(rows.itertuples(), uv, strict=True):
        frame = rows[rows.index == row.Index].assign(phase=[row.phase])
        found, _ = project_frames(SMALL, frame)
        assert np.allclose(found[0], wanted, atol=1e-5)
    assert set(JOINTS) <= set(names)
    truth = load_modality(read_clip_dataset(small), "truth")
    seen = truth[truth[..., 2] > 0]
    assert (seen[:, :2] >= 0).all()
    assert (seen[:, :2] < 1).all()


def test_a_killed_studio_leaves_nothing(tmp_path, monkeypatch):
    real, count = studio.make_chunk, iter(range(100))

    def until(*args):
        if next(count) == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(studio, "make_chunk", until)
    with pytest.raises(KeyboardInterrupt):
        make_clips(SMALL, tmp_path / "clips", progress=False)
    assert not (tmp_path / "clips").exists()


@pytest.mark.parametrize("change", [{"rate": 0}, {"longest": 2}, {"jitter": -1}, {"missing": 2}, {"depth": True}])
def test_parameters_out_of_range_are_named(tmp_path, change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        make_clips(replace(SMALL, **change), tmp_path / "clips", progress=False)
    assert not any(tmp_path.iterdir())


def test_other_parameters_are_not_taken_for_these(small):
    with pytest.raises(ConfigError, match="jitter 0.04"):
        make_clips(replace(SMALL, jitter=0.0), small, progress=False)


@pytest.mark.slow
def test_drawn_clips_have_colour_and_depth_whatever_the_workers(tmp_path):
    drawn = replace(SMALL, frames=40, longest=4, rgb=True, depth=True, size=24)
    one, two = (make_clips(drawn, tmp_path / str(workers), workers=workers, progress=False) for workers in (1, 2))
    assert content(one) == content(two)
    dataset = read_clip_dataset(one)
    rgb, depth = (load_modality(dataset, name) for name in ("rgb", "depth"))
    assert len(rgb) == len(depth) == dataset.frames["length"].sum()
    assert rgb.std() > 10
    assert 300 < np.median(depth) < 10_000  # millimetres
    undrawn = read_clip_dataset(make_clips(replace(drawn, rgb=False, depth=False), tmp_path / "joints", progress=False))
    for name in ("joints", "truth"):
        assert np.array_equal(load_modality(dataset, name), load_modality(undrawn, name))


# -- the detector ------------------------------------------------------------------------------------------------------


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.random((400, 22, 2)), np.ones((400, 22, 1))], axis=2).astype(np.float32)


def dials(**values):
    return ClipConfig(**{"jitter": 0.0, "missing": 0.0, "swaps": 0.0} | values)


def test_without_faults_it_sees_the_truth(truth):
    assert np.array_equal(detect(truth, dials(), 3), truth)


def test_jitter_is_gaussian_and_the_score_tells_of_it(truth):
    found = detect(truth, dials(jitter=0.05), 3)
    error = found[..., :2] - truth[..., :2]
    assert error.std() == pytest.approx(0.05, rel=0.03)
    far = np.linalg.norm(error, axis=2)
    assert np.allclose(found[..., 2], np.exp(-far**2 / 0.05**2 / 8), atol=1e-4)


def test_missing_joints_are_zero(truth):
    truth[:, 5, 2] = 0  # hidden
    found = detect(truth, dials(missing=0.2), 3)
    gone = found[..., 2] == 0
    assert gone[:, 5].all()
    assert np.delete(gone, 5, axis=1).mean() == pytest.approx(0.2, abs=0.02)
    assert (found[gone] == 0).all()


def test_swaps_exchange_the_hands_and_nothing_else(truth):
    found = detect(truth, dials(swaps=0.3), 3)
    swapped = (found != truth).any(axis=(1, 2))
    assert swapped.mean() == pytest.approx(0.3, abs=0.06)
    assert np.array_equal(found[swapped][:, HANDS], truth[swapped][:, MIRROR[HANDS]])
    assert np.array_equal(found[:, ~HANDS], truth[:, ~HANDS])


def test_clips_do_not_depend_on_each_other(truth):
    both = [detect(truth, dials(jitter=0.1), clip) for clip in (1, 2)]
    assert not np.array_equal(*both)
    assert np.array_equal(both[0], detect(truth, dials(jitter=0.1), 1))
