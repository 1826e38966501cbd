from __future__ import annotations

import errno
import hashlib
import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from PIL import Image

from mgutils.config import SynthConfig
from mgutils.data.labels import imigue_classes, imigue_labels
from mgutils.data.splits import make_split
from mgutils.data.table import check_dataset, read_dataset
from mgutils.errors import ConfigError, MgError
from mgutils.files import atomic_folder
from mgutils.progress import progress_bar
from mgutils.synth import writer
from mgutils.synth.dataset import make_dataset
from mgutils.synth.person.keypoints import KEYPOINTS
from mgutils.synth.plan import make_plan
from mgutils.synth.render.geometry import Camera, project

pytestmark = pytest.mark.slow

PARAMETERS = SynthConfig(frames=180, size=32, depth=True)
TINY = SynthConfig(frames=40, size=16)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(PARAMETERS, tmp_path_factory.mktemp("studio") / "set", workers=1, progress=False)


def hash_tree(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_same_bytes_with_two_workers(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "WORTH", 1)
    make_dataset(PARAMETERS, tmp_path / "set", workers=2, progress=False)
    assert hash_tree(tmp_path / "set") == hash_tree(root)


def test_same_bytes_whatever_the_threads(root: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        make_dataset(PARAMETERS, tmp_path / "set", workers=1, progress=False)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert hash_tree(tmp_path / "set") == hash_tree(root)


def test_another_seed_gives_other_pictures(tmp_path: Path) -> None:
    first, second = (make_dataset(replace(TINY, seed=seed), tmp_path / str(seed), workers=1, progress=False)
                     for seed in (0, 1))
    hashes = [json.loads((made / "studio.json").read_text())["sha256"] for made in (first, second)]
    assert hashes[0]["pictures"] != hashes[1]["pictures"]
    assert hashes[0]["Clip_label.csv"] == hashes[1]["Clip_label.csv"]


def test_another_process_makes_the_same_bytes_and_leaves_nothing_when_killed(root: Path, tmp_path: Path) -> None:
    whole, place, partial = tmp_path / "whole", tmp_path / "set", tmp_path / ".set.partial"
    process = subprocess.Popen([sys.executable, "-c", f"""
import sys
from mgutils.config import SynthConfig
from mgutils.synth.dataset import make_dataset
make_dataset({PARAMETERS!r}, sys.argv[1], workers=1)
make_dataset(SynthConfig(frames=60000, size=32), sys.argv[2], workers=2)
""", whole, place])
    try:
        deadline = time.monotonic() + 600  # seconds suffice where the cores are free
        while not any(partial.glob("*/training/*/*.jpg")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert hash_tree(whole) == hash_tree(root)
    assert not place.exists()
    assert settled(partial)
    make_dataset(TINY, place, workers=1, progress=False)
    assert names_in(tmp_path) == ["set", "whole"]
    assert len(list(place.glob("training/*/*.jpg"))) == TINY.frames


def settled(folder: Path, seconds: float = 60.0) -> bool:
    """Whether nothing is written into a folder any more."""
    deadline, count = time.monotonic() + seconds, -1
    while time.monotonic() < deadline:
        before, count = count, sum(1 for _ in folder.glob("*/training/*/*.jpg"))
        if before == count:
            return True
        time.sleep(1.0)
    return False


@pytest.mark.parametrize(("stop", "raised"), [
    (OSError(errno.ENOSPC, "No space left on device"), MgError), (KeyboardInterrupt(), KeyboardInterrupt),
    (ValueError("a defect"), ValueError)])
def test_nothing_is_left_of_a_failed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException,
                                         raised: type[BaseException]) -> None:
    whole, calls = writer.render_frames, []

    def second_fails(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise stop
        return whole(*arguments)

    monkeypatch.setattr(writer, "render_frames", second_fails)
    with pytest.raises(raised):
        make_dataset(TINY, tmp_path / "set", workers=1, progress=False)
    assert names_in(tmp_path) == []


def test_a_lost_worker_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killing_bar(**options):
        for child in psutil.Process().children(recursive=True):
            if "--process-name" in child.cmdline():  # a worker, and not the tracker of resources
                child.kill()
        return progress_bar(**options)

    monkeypatch.setattr(writer, "WORTH", 1)
    make_dataset(TINY, tmp_path / "whole", workers=2, progress=False)  # starts the workers
    shutil.rmtree(tmp_path / "whole")
    monkeypatch.setattr(writer, "progress_bar", killing_bar)
    with pytest.raises(MgError, match="workers=1"):
        make_dataset(TINY, tmp_path / "set", workers=2, progress=False)
    assert names_in(tmp_path) == []


def test_what_is_there_is_left_alone_or_refused(tmp_path: Path) -> None:
    place = tmp_path / "set"
    place.mkdir()  # an empty folder is taken
    make_dataset(TINY, place, workers=1, progress=False)
    before = hash_tree(place), place.stat().st_mtime_ns
    assert make_dataset(TINY, str(place), progress=False) == place
    with pytest.raises(ConfigError, match=r"set: found .* size 16 \(wanted 24\), seed 0 \(wanted 3\).*remove this one"):
        make_dataset(replace(TINY, size=24, seed=3), place, progress=False)
    assert (hash_tree(place), place.stat().st_mtime_ns) == before
    (place / "studio.json").unlink()
    with pytest.raises(ConfigError, match="the studio did not make"):
        make_dataset(TINY, place, progress=False)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="the studio did not make"):
        make_dataset(TINY, tmp_path / "file", progress=False)
    assert names_in(tmp_path) == ["file", "set"]


def test_two_runs_for_one_folder_are_kept_apart(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "set") as folder:
        (folder / "theirs").write_text("work")
        with pytest.raises(MgError, match="another process"):
            make_dataset(TINY, tmp_path / "set", workers=1, progress=False)
        assert (folder / "theirs").exists()
    assert names_in(tmp_path) == ["set"]


def test_parameters_are_checked_first(tmp_path: Path) -> None:
    for parameters, workers in ((SynthConfig(frames=5), 1), (TINY, 0)):
        with pytest.raises(ConfigError):
            make_dataset(parameters, tmp_path / "set", workers=workers)
    assert names_in(tmp_path) == []


def test_the_tables_hold_the_plan(root: Path) -> None:
    plan, sheet = make_plan(PARAMETERS), pd.read_excel(root / "training" / "train.xlsx")
    assert sheet.columns.tolist() == ["Path", "Class", "Video ID", "Frame ID", "Caption"]
    for column, name in (("Class", "class_id"), ("Video ID", "clip_id"), ("Frame ID", "frame_id")):
        assert sheet[column].tolist() == plan.frames[name].tolist()
    assert sheet["Caption"].tolist() == [imigue_labels().name(class_id) for class_id in sheet["Class"]]
    captions = imigue_classes()["original_caption"]
    assert (root / "Clip_label.csv").read_text() == "id,name\n" + "".join(f"{i},{c}\n" for i, c in captions.items())
    clips = pd.read_csv(root / "clips.csv")
    assert clips[plan.clips.columns].equals(plan.clips)
    assert clips["hand"].isin(["none", "both", "left", "right"]).all()
    assert clips["description"].str.endswith(".").all()
    assert clips["drift"].between(0, 1).all()


def test_the_kit_reads_it_without_fault(root: Path) -> None:
    check = check_dataset(root, decode=True, progress=False)
    assert check.faults == ()
    dataset = read_dataset(root)
    subset = pd.read_csv(root / "training" / "validsubset.csv")
    wanted = dataset.frames["path"].iloc[make_split(dataset, "frame").valid]
    assert sorted(subset["Path"]) == sorted(wanted)
    assert {len(make_split(dataset, name).valid) > 0 for name in ("clip", "video", "subject", "official")} == {True}


def test_pictures(root: Path) -> None:
    paths = pd.read_excel(root / "training" / "train.xlsx")["Path"]
    assert len(list(root.glob("training/*/*.jpg"))) == len(list(root.glob("depth/*/*.png"))) == len(paths)
    for path in paths[:5]:
        with Image.open(root / "training" / path) as picture:
            assert (picture.size, picture.mode, picture.format) == ((32, 32), "RGB", "JPEG")
            assert np.asarray(picture).std() > 15
        with Image.open((root / "depth" / path).with_suffix(".png")) as depth:
            millimetres = np.asarray(depth)
        assert millimetres.dtype == np.uint16
        assert 800 < millimetres.min() < millimetres.max() < 6000


def test_keypoints_fit_camera_and_depth(root: Path) -> None:
    truth = np.load(root / "keypoints.npz")
    paths = pd.read_excel(root / "training" / "train.xlsx")["Path"]
    assert tuple(truth["names"]) == KEYPOINTS
    assert truth["uv"].shape == (180, len(KEYPOINTS), 2)
    lens = torch.from_numpy(truth["camera"])
    camera = Camera(lens[:, :3], lens[:, 3:6], lens[:, 6])
    uv, z = project(torch.from_numpy(truth["xyz"]), camera, 32)
    np.testing.assert_allclose(uv, truth["uv"], atol=1e-3)
    seen = truth["visible"]
    assert 0.3 < seen.mean() < 0.95
    assert ((truth["uv"][seen] >= 0) & (truth["uv"][seen] < 32)).all()
    nose = KEYPOINTS.index("nose")
    for row in np.flatnonzero(seen[:, nose])[:20]:
        with Image.open((root / "depth" / paths[row]).with_suffix(".png")) as depth:
            column, line = truth["uv"][row, nose].astype(int)
            assert np.asarray(depth)[line, column] / 1000 == pytest.approx(float(z[row, nose]), abs=0.06)
    assert truth["phase"].dtype == np.float32


def test_wrong_captions_are_in_the_tables_and_the_truth_beside_them(tmp_path: Path) -> None:
    made = make_dataset(replace(TINY, frames=100, caption_noise=0.3), tmp_path / "set", workers=1, progress=False)
    assert check_dataset(made, progress=False).faults == ()
    clips, sheet = pd.read_csv(made / "clips.csv"), pd.read_excel(made / "training" / "train.xlsx")
    assert (clips["class_id"] != clips["true_class_id"]).sum() == round(0.3 * len(clips))
    written = sheet["Video ID"].map(clips.set_index("clip_id")["class_id"])
    assert (sheet["Class"] == written).all()
    assert (sheet["Path"].str.split("/").str[0].astype(int) == written).all()
