"""The skeleton task: the house's promises hold for it, and a clip is read as it says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mgutils.config import ClipConfig, SkeletonConfig, run_config, skeleton_config
from mgutils.data.items import load_modality, read_clip_dataset
from mgutils.data.keypoints import MIRROR, ORIGINAL_MIRROR
from mgutils.data.protocol import split_of
from mgutils.errors import ConfigError
from mgutils.evaluation.embed import evaluate_run, load_run
from mgutils.synth.clips import make_clips
from mgutils.training import loop
from mgutils.training.config_file import read_config
from mgutils.training.inputs import read_rows
from mgutils.training.skeleton import ClipReader, augment_clips, score_clips, views_of
from mgutils.training.store import train_all


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    config = ClipConfig(frames=200, imbalance=0.6)
    return make_clips(config, tmp_path_factory.mktemp("studio") / "clips", progress=False)


def config(**model):
    run = skeleton_config("smoke", "subject", frames=6, network_kwargs={"width": 16}, **model)
    return replace(run, train=replace(run.train, epochs=3, batch_size=16))


def stop_after(epochs, monkeypatch):
    real, count = loop.train_epoch, iter(range(100))

    def until(*args, **kwargs):
        if next(count) == epochs:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(loop, "train_epoch", until)


@pytest.mark.parametrize("settings", [{}, {"flip": "pairs"}, {"window": True, "views": 2, "flip_views": True},
                                      {"words": "random", "stream": "limb"}],
                         ids=lambda each: next(iter(each), "plain"))
def test_a_stopped_run_goes_on_to_the_same_bits(root, tmp_path, monkeypatch, settings):
    monkeypatch.setattr("mgutils.training.skeleton.word_vectors", lambda names: np.ones((len(names), 5), np.float32))
    run, dataset = config(**settings), read_clip_dataset(root)
    joints, split = load_modality(dataset, "joints"), split_of(run, dataset)
    whole = loop.fit(run, dataset, joints, split, tmp_path / "whole", progress=False)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(1, patch)
        loop.fit(run, dataset, joints, split, tmp_path / "stopped", progress=False)
    stopped = loop.fit(run, dataset, joints, split, tmp_path / "stopped", progress=False, resume=True)
    for name in ("best.safetensors", "last.safetensors", "outputs.npz", "metrics.json"):
        assert (whole / name).read_bytes() == (stopped / name).read_bytes(), name


def test_a_run_is_stored_loaded_and_scored_again(root, tmp_path):
    run = train_all([config(views=2)], root, tmp_path, jobs=1, progress=False)[0]
    assert read_config(run.directory / "config.json") == config(views=2)
    assert run.directory.name.startswith("transformer_joint-subject-s0-")
    again = evaluate_run(run.directory, root, tmp_path / "scores")
    assert again.top1 == run.metrics["top1"]
    assert load_run(run.directory).labels.names == read_clip_dataset(root).labels.names


def test_folders_of_another_kind_are_refused_with_the_way_out(root, tiny_root):
    with pytest.raises(ConfigError, match="found a folder of clips.*--task skeleton"):
        train_all([run_config("smoke", "sound_ce")], root, tiny_root / "out")
    with pytest.raises(ConfigError, match="found a folder of images.*mg clips"):
        train_all([config()], tiny_root, tiny_root / "out")


def test_clips_of_unknown_class_are_not_trained_on(root, tmp_path):
    (tmp_path / "clips").symlink_to(root / "clips")
    (tmp_path / "Clip_label.csv").write_bytes((root / "Clip_label.csv").read_bytes())
    lines = (root / "clips.csv").read_text().splitlines()
    column = lines[0].split(",").index("class_id")
    cells = lines[1].split(",")
    cells[column] = "0"
    (tmp_path / "clips.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    assert len(read_clip_dataset(tmp_path)) == len(lines) - 1
    with pytest.raises(ConfigError, match="1 clips of which nobody knows the class"):
        read_rows(tmp_path, "joints")


def test_clips_without_joints_are_not_trained_on(tmp_path):
    config = ClipConfig(frames=40, imbalance=0.6, longest=4, rgb=True, size=12, absent=0.3)
    holes = make_clips(config, tmp_path / "holes", workers=1, progress=False)
    with pytest.raises(ConfigError, match="clips without joints"):
        read_rows(holes, "joints")


def test_a_skeleton_network_has_nothing_to_freeze(root, tmp_path):
    run = config()
    with pytest.raises(ConfigError, match="freeze"):
        train_all([replace(run, train=replace(run.train, freeze="image"))], root, tmp_path, jobs=1, progress=False)


def test_a_limit_and_shots_thin_the_training_rows_alone(root):
    dataset, run = read_clip_dataset(root), config()
    whole = split_of(run, dataset)
    limited = split_of(replace(run, protocol=replace(run.protocol, limit=20)), dataset)
    shots = split_of(replace(run, protocol=replace(run.protocol, per_class=2)), dataset)
    for part in (limited, shots):
        assert np.array_equal(part.valid, whole.valid)
        assert set(part.train) <= set(whole.train)
    assert len(limited.train) == 20
    counts = np.bincount(dataset.target[shots.train], minlength=32)
    assert np.array_equal(counts, np.minimum(np.bincount(dataset.target[whole.train], minlength=32), 2))


# -- reading a clip ----------------------------------------------------------------------------------------------------


class Sums(torch.nn.Module):
    """Answers with two numbers that say what it was shown."""

    def forward(self, joints):
        return torch.stack([joints[..., 0].sum(dim=(1, 2)), joints[..., 1].sum(dim=(1, 2))], dim=1), None


def reader(**settings):
    joints = np.random.default_rng(0).random((50, 22, 3), dtype=np.float32) + 0.01
    return ClipReader(joints, np.array([0, 10, 13]), np.array([10, 3, 37]), SkeletonConfig(frames=8, **settings))


def test_a_short_clip_in_a_window_is_padded_and_the_box_ignores_the_padding():
    clips = reader(window=True)(np.array([1]), np.array([[0.5]]))
    assert (clips[0, 3:] == 0).all()
    assert clips[0, :3, :, :2].max(axis=(0, 1)) == pytest.approx(clips[0, :3, :, :2].max(axis=(0, 1)))
    side = clips[0, :3, :, :2].max(axis=(0, 1)) - clips[0, :3, :, :2].min(axis=(0, 1))
    assert side.max() == pytest.approx(1 / 1.25, abs=1e-5)


def views_of_are_averaged_as_probabilities():
    read, rows = reader(views=3), np.array([0, 2])
    logits, words = score_clips(Sums(), read, rows, torch.device("cpu"))
    by_hand = np.mean([torch.softmax(Sums()(torch.from_numpy(read(rows, np.array([[place]]))))[0], dim=1).numpy()
                       for place in (1 / 6, 1 / 2, 5 / 6)], axis=0)
    assert words is None
    assert np.allclose(logits.exp(), by_hand, atol=1e-6)
    assert len(views_of(SkeletonConfig(views=3, flip_views=True))) == 6


def test_an_augmented_clip_moves_as_one_body():
    clips = reader()(np.array([0, 2]), np.array([[0.5]]))
    clips[0, 2, 4] = 0  # missing
    moved = augment_clips(clips, "affine", torch.Generator().manual_seed(0))
    assert (moved[0, 2, 4] == 0).all()
    assert np.array_equal(moved[..., 2], clips[..., 2])
    seen = clips[..., 2] > 0
    for before, after, there in zip(clips, moved, seen, strict=True):
        points = np.column_stack([before[there][:, :2], np.ones(there.sum())])
        rest = np.linalg.lstsq(points, after[there][:, :2], rcond=None)[1]
        assert rest.max() < 1e-6  # one affine map for all frames and joints
    assert augment_clips(clips, "none", torch.Generator()) is clips


def test_the_originals_table_is_no_mirror_of_a_body():
    assert np.array_equal(MIRROR[MIRROR], np.arange(22))
    assert (ORIGINAL_MIRROR != MIRROR).sum() > 10
