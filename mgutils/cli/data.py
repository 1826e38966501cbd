"""Commands that make, check and import data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from mgutils.config import ProfileName, SynthConfig
from mgutils.errors import DataError


@dataclass(frozen=True)
class Synth:
    """Make a synthetic dataset in the seed's layout."""

    root: Annotated[Path, tyro.conf.Positional]
    """Folder to make."""
    profile: ProfileName = "cpu"
    """Where the dials start."""
    synth: SynthConfig = field(default_factory=SynthConfig)
    """The dials; those not given are the profile's."""
    workers: int = 2
    """Processes; the bytes do not depend on it."""

    def run(self) -> None:
        from mgutils.synth.studio import make_dataset

        print(make_dataset(self.synth, self.root, workers=self.workers))


@dataclass(frozen=True)
class DataCheck:
    """Check a dataset wholly and list every fault."""

    root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset."""
    decode: bool = True
    """Also decode every image; --no-decode is faster."""

    def run(self) -> None:
        from mgutils.data.table import check_dataset

        check = check_dataset(self.root, decode=self.decode)
        for note in check.notes:
            print(f"note: {note}")
        if check.faults:
            raise DataError(check.faults)
        print(check.summary)


@dataclass(frozen=True)
class DataAudit:
    """Say what each possible split leaks, and what trivial classifiers score on it."""

    root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset."""

    def run(self) -> None:
        from mgutils.data.audit import audit_table
        from mgutils.data.table import read_dataset

        print(audit_table(read_dataset(self.root)).to_string(index=False))


@dataclass(frozen=True)
class ImportFolders:
    """Turn any folder of labelled images into a dataset in the seed's layout."""

    table: Annotated[Path, tyro.conf.Positional]
    """CSV that lists the images."""
    root: Annotated[Path, tyro.conf.Positional]
    """Folder to make."""
    path: str = "path"
    """Column with the path of an image, relative to the CSV's folder."""
    class_: Annotated[str, tyro.conf.arg(name="class")] = "class"
    """Column with the class."""
    caption: str | None = "caption"
    """Column with the class's text."""
    group: str | None = "group"
    """Column that becomes the subject."""
    size: int | None = None
    """Longest side of the copies, in pixels."""

    def run(self) -> None:
        from mgutils.data.importers import import_folders

        print(import_folders(self.table, self.root, path=self.path, class_=self.class_, caption=self.caption,
                             group=self.group, size=self.size))
