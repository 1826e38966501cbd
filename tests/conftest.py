"""A tiny dataset in the original's layout, made of noise."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from PIL import Image

from mgutils.data.labels import Labels
from mgutils.data.layout import write_tables
from mgutils.data.table import Dataset

settings.register_profile("kit", deadline=None)  # a slow machine is no fault of the code
settings.load_profile("kit")

TINY_NAMES = ("Turtle neck", "Folding arms ", "touching jaw ", "Illustrative hand gestures")


def tiny_tables(clips: int = 24, frames: int = 3, classes: int = 4) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames and clips: subjects 1..6, two videos each, classes in turn."""
    clip = np.arange(clips)
    subject = clip // classes % 6 + 1
    table = pd.DataFrame({"clip_id": clip, "video_id": subject * 2 + clip % 2, "subject_id": subject,
                          "class_id": clip % classes + 1, "start_frame": clip * 100, "end_frame": clip * 100 + 50})
    table["numbering"] = "imigue"
    table["description"] = [f"subject {number} in clip {i}" for i, number in enumerate(subject)]
    rows = table.loc[table.index.repeat(frames), ["class_id", "clip_id"]].reset_index(drop=True)
    rows["frame_id"] = np.tile(np.arange(frames), clips)
    rows["path"] = [f"{c}/{clip}.{frame}.jpg" for c, clip, frame in rows.itertuples(index=False)]
    return rows, table


def make_tiny(root: Path, *, sidecar: bool = True, size: int = 12) -> Path:
    """Write the tiny dataset: 72 frames, 24 clips, 4 classes."""
    frames, clips = tiny_tables()
    rng = np.random.default_rng(0)
    for path in frames["path"]:
        file = root / "training" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype=np.uint8)).save(file)
    write_tables(root, frames, Labels(TINY_NAMES), clips if sidecar else None)
    return root


@pytest.fixture(scope="session")
def tiny_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny dataset with its sidecar, for all tests that only read it."""
    return make_tiny(tmp_path_factory.mktemp("template") / "tiny")


@pytest.fixture
def tiny_root(tmp_path: Path, tiny_template: Path) -> Path:
    """A copy of the tiny dataset with its sidecar; the test may change it."""
    return Path(shutil.copytree(tiny_template, tmp_path / "tiny"))


@pytest.fixture
def bare_root(tiny_root: Path) -> Path:
    """The tiny dataset as the original has it, without the sidecar."""
    (tiny_root / "clips.csv").unlink()
    return tiny_root


@pytest.fixture
def edit_sheet() -> Callable:
    """``edit_sheet(root, change)``: rewrite train.xlsx after ``change(cells)`` on its cells as objects."""
    def edit(root: Path, change: Callable[[pd.DataFrame], pd.DataFrame | None]) -> None:
        file = root / "training" / "train.xlsx"
        sheet = pd.read_excel(file, dtype=object, na_filter=False)
        changed = change(sheet)
        (sheet if changed is None else changed).to_excel(file, index=False)
    return edit


@pytest.fixture(scope="session")
def memory_dataset() -> Callable[..., Dataset]:
    """``memory_dataset(class_ids, clip_ids, video_ids, subject_ids, numbering)``: a dataset without files."""
    def build(class_ids, clip_ids=None, video_ids=None, subject_ids=None, numbering="imigue") -> Dataset:
        columns = {"class_id": class_ids, "clip_id": range(len(class_ids)) if clip_ids is None else clip_ids,
                   "video_id": video_ids, "subject_id": subject_ids}
        frames = pd.DataFrame({name: np.asarray(values) for name, values in columns.items() if values is not None})
        labels = Labels(tuple(f"class {i}" for i in range(1, max(class_ids) + 1)))
        return Dataset(Path("nowhere"), frames, labels, numbering)
    return build
