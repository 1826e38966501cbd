"""Commands that turn other people's data into a dataset. Each checks what it made, and says which splits it allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mgutils.cli.paths import need_file

if TYPE_CHECKING:
    from mgutils.data.importers.place import Imported


@dataclass(frozen=True)
class ImportFolders:
    """Turn any labelled images into a dataset in the original's layout."""

    source: Annotated[Path, tyro.conf.Positional]
    """CSV that lists the images, or a folder with a folder of images for each class."""
    root: Annotated[Path, tyro.conf.Positional]
    """Folder to make."""
    path: str = "path"
    """Column with the path of an image, inside --images-root."""
    class_: Annotated[str, tyro.conf.arg(name="class")] = "class"
    """Column with the class."""
    caption: str | None = "caption"
    """Column with the class's text; the class itself where there is no such column."""
    group: str | None = "group"
    """Column that becomes the subject; None where nobody knows."""
    images_root: Path | None = None
    """Folder of the images; the CSV's own if not given. Of a folder of folders: where its links may lead."""
    size: int | None = None
    """Longest side of the copies, in pixels."""
    skip_bad: bool = False
    """Leave out images that are absent or cannot be decoded, and list them in not_imported.csv."""

    def run(self) -> None:
        need_file(self.images_root, "the folder of the images")

        from mgutils.data.importers import import_folders

        _report(import_folders(self.source, self.root, path=self.path, class_=self.class_, caption=self.caption,
                               group=self.group, images_root=self.images_root, size=self.size,
                               skip_bad=self.skip_bad))


@dataclass(frozen=True)
class ImportOriginal:
    """Say who is on the pictures of the original's folder: write clips.csv."""

    root: Annotated[Path, tyro.conf.Positional]
    """The original's folder: training/ and Clip_label.csv."""
    labels: Path | None = None
    """iMiGUE's label CSV; if not given, the only labels*.csv in the folder."""

    def run(self) -> None:
        from mgutils.data.importers import import_original

        if import_original(self.root, self.labels) is None:
            print("note: no label CSV (--labels), so nothing was written")
        _report(self.root)


@dataclass(frozen=True)
class ImportImigue:
    """Cut iMiGUE's videos into a dataset in the original's layout; goes on where a killed run stopped."""

    videos: Annotated[Path, tyro.conf.Positional]
    """Folder of the videos, each named by its number."""
    labels: Annotated[Path, tyro.conf.Positional]
    """The label CSV that iMiGUE's authors hand out."""
    root: Annotated[Path, tyro.conf.Positional]
    """Folder to make."""
    rate: float = 2.0
    """Frames per second to take of each gesture."""
    size: int | None = None
    """Longest side of the pictures, in pixels."""
    workers: int | None = None
    """Videos at a time; one for each processor, at most 8, if not given."""
    skip_bad: bool = False
    """Leave out videos that are absent or cannot be read, and list them in not_imported.csv."""

    def run(self) -> None:
        from mgutils.data.importers import import_imigue

        _report(import_imigue(self.videos, self.labels, self.root, rate=self.rate, size=self.size,
                              workers=self.workers, skip_bad=self.skip_bad))


@dataclass(frozen=True)
class ImportSkeletons:
    """Turn skeletons of PYSKL, MiGA, OpenPose or the kit into a dataset of clips."""

    source: Annotated[Path, tyro.conf.Positional]
    """A pickle of PYSKL, an array *_data.npy of MiGA, a folder of OpenPose's JSON or of iMiGUE's sheets, or a
    keypoints.npz."""
    root: Annotated[Path, tyro.conf.Positional]
    """Folder to make."""
    labels: Path | None = None
    """Table of the classes (id,name), such as Clip_label.csv; iMiGUE's if there is none."""
    format: Literal["auto", "pyskl", "miga", "openpose", "npz"] = "auto"
    """What the source is; auto goes by the names of its files."""
    clips: Path | None = None
    """CSV that tells class, video and subject of each clip, or the subject of each video."""
    names: str | None = None
    """Regular expression that the name of every clip matches, such as '(?P<video>[0-9]+)_(?P<subject>[0-9]+)'; its
    groups are video, subject and class."""
    label_file: Path | None = None
    """Labels of an array of MiGA that are not beside it."""
    size: tuple[int, int] | None = None
    """Width and height of the pictures in pixels; as in PYSKL's file, else iMiGUE's, if not given."""
    imigue_subjects: bool = False
    """Subjects have iMiGUE's numbers, so that its official split can be made."""
    skip_bad: bool = False
    """Leave out clips that are not sound, and list them in not_imported.csv."""

    def run(self) -> None:
        need_file(self.labels, "the table of the classes")
        need_file(self.clips, "the table of the clips")
        need_file(self.label_file, "the labels")

        from mgutils.data.importers.skeletons import import_skeletons

        _report_clips(import_skeletons(
            self.source, self.root, format=self.format, labels=self.labels, clips=self.clips, names=self.names,
            label_file=self.label_file, size=self.size, imigue_subjects=self.imigue_subjects, skip_bad=self.skip_bad))


@dataclass(frozen=True)
class ImportVideos:
    """Turn a CSV of videos, classes and descriptions into a dataset of clips; goes on where a killed run stopped."""

    table: Annotated[Path, tyro.conf.Positional]
    """CSV with a row for each video."""
    root: Annotated[Path, tyro.conf.Positional]
    """Folder to make."""
    path: str = "path"
    """Column with the path of a video, inside --videos-root."""
    class_: Annotated[str, tyro.conf.arg(name="class")] = "class"
    """Column with the class: its name, or its id in --labels."""
    description: str = "description"
    """Column with a sentence about the video; empty or '-' says nothing. There need be none."""
    group: str | None = "group"
    """Column that becomes the subject: who must not be on both sides of a split. There need be none."""
    videos_root: Path | None = None
    """Folder of the videos; the CSV's own if not given."""
    labels: Path | None = None
    """Table of the classes (id,name), where the CSV has their ids; else they are those that it names."""
    class_sentences: Path | None = None
    """CSV with class and sentence, one row or several for each class."""
    frames: int = 16
    """Of each clip, at equal distances; a shorter video keeps all of its own."""
    size: int = 112
    """Side of the pictures, in pixels."""
    fit: Literal["crop", "pad", "squash"] = "crop"
    """How a picture becomes a square: its middle, all of it with black beside, or all of it squashed."""
    skip_bad: bool = False
    """Leave out videos that are absent or cannot be read, and list them in not_imported.csv."""

    def run(self) -> None:
        need_file(self.table, "the table of the videos")
        need_file(self.videos_root, "the folder of the videos")
        need_file(self.labels, "the table of the classes")
        need_file(self.class_sentences, "the sentences about the classes")

        from mgutils.data.importers.videos import import_videos

        _report_clips(import_videos(
            self.table, self.root, path=self.path, class_=self.class_, description=self.description, group=self.group,
            videos_root=self.videos_root, labels=self.labels, class_sentences=self.class_sentences,
            frames=self.frames, size=self.size, fit=self.fit, skip_bad=self.skip_bad))


def _report_clips(made: Imported) -> None:
    """Say what was found, and read the dataset of clips back."""
    from mgutils.data.importers.place import NOT_IMPORTED
    from mgutils.data.items import describe_clips, read_clip_dataset

    for note in made.notes:
        print(f"note: {note}")
    if (made.root / NOT_IMPORTED).exists():
        print(f"note: {made.root / NOT_IMPORTED} lists what was left out")
    print(describe_clips(read_clip_dataset(made.root)))


def _report(root: Path) -> None:
    """Read the dataset back, and say what it holds."""
    from mgutils.data.importers.place import NOT_IMPORTED
    from mgutils.data.splits import available_splits
    from mgutils.data.table import check_dataset, read_dataset

    check, listed = check_dataset(root), root / NOT_IMPORTED
    for note in check.notes:
        print(f"note: {note}")
    if listed.exists():
        found = listed.read_text(encoding="utf-8").count("\n") - 1
        print(f"note: {listed} lists what was left out ({found:,})")
    print(f"{check.summary}; splits: {', '.join(available_splits(read_dataset(root)))}")
