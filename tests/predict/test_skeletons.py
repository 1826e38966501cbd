"""Skeletons from the command line: train, evaluate, mix, predict a file of keypoints, hand in."""

import json
import zipfile

import numpy as np
import pytest

from mgutils.cli import main
from mgutils.config import ClipConfig
from mgutils.data.items import load_modality, read_clip_dataset
from mgutils.data.submission import read_submission
from mgutils.errors import DataError
from mgutils.predict.skeletons import clip_names, predict_keypoints, read_keypoints
from mgutils.synth.clips import make_clips
from mgutils.training.run import Run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Clips, and two runs of one stream each."""
    folder = tmp_path_factory.mktemp("skeletons")
    clips = make_clips(ClipConfig(frames=200, imbalance=0.6), folder / "clips", progress=False)
    for stream in ("joint", "limb"):
        assert main(["train", str(clips), "--task", "skeleton", "--profile", "smoke", "--stream", stream,
                     "--out-dir", str(folder / "out")]) == 0
    runs = sorted((folder / "out" / "runs").glob("transformer_*"))
    return clips, runs


def test_evaluate_gives_the_scores_of_the_run(trained, tmp_path, capsys):
    clips, runs = trained
    assert main(["evaluate", str(runs[0]), str(clips), "--out-dir", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["top1"] == Run(runs[0]).metrics["top1"]


def test_ensemble_prints_both_ways_to_weigh(trained, capsys):
    clips, runs = trained
    assert main(["ensemble", *map(str, runs), "--weights", "0.4", "0.6", "--choose", str(clips)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["weights"] == [0.4, 0.6]
    assert len(found["chosen_on_other_people"]["weights_of_first"]) == 2
    assert main(["ensemble", str(runs[0])]) == 2
    assert "wanted at least 2" in capsys.readouterr().err


def test_a_file_of_keypoints_is_answered(trained, tmp_path, capsys):
    clips, runs = trained
    dataset = read_clip_dataset(clips)
    row = dataset.frames.iloc[Run(runs[0]).valid[0]]
    joints = load_modality(dataset, "joints")[row["start"]:row["start"] + row["length"]]
    np.savez(tmp_path / "one.npz", joints=joints)
    table = predict_keypoints(runs[0], [tmp_path / "one.npz"])
    wanted = np.argsort(-Run(runs[0]).logits[0], kind="stable")[:5] + 1
    assert table["class_id"].tolist() == wanted.tolist()
    assert table["probability"].is_monotonic_decreasing
    assert main(["predict", str(tmp_path / "one.npz"), "--checkpoint", str(runs[0]), "--out-dir",
                 str(tmp_path)]) == 0
    assert table["name"].iloc[0] in capsys.readouterr().out


@pytest.mark.parametrize("content", ["text", "names", "shape", "nan", "pickle"])
def test_other_files_are_refused(tmp_path, content):
    file, joints = tmp_path / "one.npz", np.zeros((4, 22, 3), np.float32)
    arrays = {"names": {"points": joints}, "shape": {"joints": joints[:, :5]}, "nan": {"joints": joints + np.nan},
              "pickle": {"joints": np.array([{}])}}
    if content == "text":
        file.write_text("no arrays")
    else:
        np.savez(file, **arrays[content])
    with pytest.raises(DataError, match="one.npz"):
        read_keypoints(file)


@pytest.mark.parametrize(("year", "archive"), [(2023, "Submission.zip"), (2025, "prediction.zip")])
def test_a_submission_has_the_order_of_the_list(trained, tmp_path, capsys, year, archive):
    clips, runs = trained
    names = np.random.default_rng(0).permutation(clip_names(read_clip_dataset(clips))).tolist()
    (tmp_path / "test_id.txt").write_text("\n".join(names))
    arguments = ["submit", *map(str, runs), "--clips", str(clips), "--ids", str(tmp_path / "test_id.txt"),
                 "--out-dir", str(tmp_path), "--weights", "0.4", "0.6", "--year", str(year)]
    assert main(arguments) == 0
    handed_in = read_submission(tmp_path / archive)
    assert list(handed_in.ids) == names
    assert len(zipfile.ZipFile(tmp_path / archive).namelist()) == 1
    (tmp_path / "test_id.txt").write_text("\n".join([*names, "77777_1"]))
    assert main(arguments) == 2
    assert "'77777_1'" in capsys.readouterr().err
