"""Commands that build, execute, check and publish the course."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from mgutils.config import CourseProfileName, get_profile
from mgutils.errors import MgError


@dataclass(frozen=True)
class NotebooksBuild:
    """Write the students' and the instructor's notebooks from their sources."""

    source: Path = Path("notebooks/src")
    """Folder of the py:percent sources."""
    out_dir: Path = Path("notebooks")
    """Folder of the students' notebooks, without solutions."""
    instructor_dir: Path = Path("out/instructor")
    """Folder of the instructor's notebooks, with solutions; git does not keep it."""
    overwrite: bool = False
    """Also replace notebooks that somebody has changed since they were built."""

    def run(self) -> None:
        from mgutils.course.notebooks import build

        for path in (*build(self.source, self.out_dir, overwrite=self.overwrite),
                     *build(self.source, self.instructor_dir, version="instructor", overwrite=self.overwrite)):
            print(path)


@dataclass(frozen=True)
class Reproduce:
    """Make the data if absent, execute the notebooks, compare the results with the published ones."""

    profile: CourseProfileName = "cpu"
    """Size of everything."""
    data_root: Path | None = None
    """Folder of the dataset; data/<profile> if not given."""
    seed: int = 0
    """First seed."""
    out_dir: Path | None = None
    """Folder of the results; out/<profile> if not given."""
    only: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """Execute these notebooks alone: numbers or names, such as 04 07_evaluation."""
    start: Annotated[str | None, tyro.conf.arg(name="from")] = None
    """Execute this notebook and those after it; what the earlier ones left is used."""
    all: bool = False
    """Also execute the notebooks of the other systems, 10 to 13."""

    def run(self) -> None:
        from mgutils.course.reproduce import reproduce

        only = [word for words in self.only for word in words] if self.only else None
        reproduce(self.profile, self.data_root or Path("data") / self.profile, self.seed,
                  self.out_dir or Path("out") / self.profile, only, start=self.start, everything=self.all)


@dataclass(frozen=True)
class Verify:
    """Test every claim of an original; print expected, obtained, spread and verdict."""

    profile: CourseProfileName = "cpu"
    """Size of everything."""
    data_root: Path | None = None
    """Folder of the dataset, made if absent; data/<profile> if not given."""
    seed: int = 0
    """First seed."""
    source: str = "report"
    """Whose claims: the report's; miga2023, skeletons, of notebook 10; cmvra, cameras, of 11; emoclip, films, of 12."""
    out_dir: Path | None = None
    """Folder of the results; what is missing there is run; out/<profile> if not given."""
    figures: Path | None = None
    """Where claims.json and claims.md go; <out_dir>/figures if not given, from where `mg publish` takes them."""

    def run(self) -> None:
        from mgutils.claims.evidence import Evidence
        from mgutils.claims.ledger import verify, write_ledger

        data_root, out_dir = (given or Path(name) / self.profile
                              for given, name in ((self.data_root, "data"), (self.out_dir, "out")))
        if not data_root.exists():
            from mgutils.course.reproduce import make_data

            make_data(get_profile(self.profile), data_root)
        ledger = verify(Evidence(self.profile, data_root, out_dir, seed=self.seed), source=self.source)
        for path in write_ledger(ledger, self.figures or out_dir / "figures"):
            print(path)


@dataclass(frozen=True)
class Publish:
    """Copy a reproduction's notebooks, figures and tables into the project, and fill its pages from them."""

    out_dir: Path = Path("out/cpu")
    """What `mg reproduce` left."""
    root: Path = Path(".")
    """The project's folder."""

    def run(self) -> None:
        from mgutils.course.publish import publish

        for path in publish(self.out_dir, self.root):
            print(path)


@dataclass(frozen=True)
class Book:
    """Write the executed notebooks as a static site that opens without server and network."""

    profile: CourseProfileName = "cpu"
    """Whose results are shown."""
    data_root: Path | None = None
    """Folder of the dataset, for the microscopes; data/<profile> if not given."""
    out_dir: Path | None = None
    """What `mg reproduce` left; out/<profile> if not given."""
    notebooks: Path | None = None
    """Folder of the notebooks; if not given, <out_dir>/notebooks, which must be those of one complete reproduction, or
    notebooks where there is none."""
    book_dir: Path | None = None
    """Folder of the site; <out_dir>/book if not given."""

    def run(self) -> None:
        from mgutils.course.book import write_book
        from mgutils.course.manifest import MANIFEST
        from mgutils.course.notebooks import SOURCES

        out_dir = self.out_dir or Path("out") / self.profile
        executed = out_dir / "notebooks"
        notebooks = self.notebooks or (executed if executed.is_dir() else Path("notebooks"))
        reproduced = notebooks == executed or (notebooks / MANIFEST).exists()
        print(write_book(notebooks, self.book_dir or out_dir / "book", profile=self.profile, out_dir=out_dir,
                         data_root=self.data_root or Path("data") / self.profile,
                         source_dir=SOURCES if reproduced else None))


@dataclass(frozen=True)
class Doctor:
    """Check this machine: versions, devices, memory, disk, the model hub; each fault with its remedy."""

    profile: CourseProfileName = "cpu"
    """Whose needs are checked."""
    data_root: Path | None = None
    """Folder of the dataset; data/<profile> if not given."""
    out_dir: Path | None = None
    """Folder of the results; out/<profile> if not given."""
    hub: bool = True
    """Ask whether the model hub answers; --no-hub keeps off the network."""

    def run(self) -> None:
        from mgutils.course.doctor import examine

        checks = examine(self.profile, self.data_root, self.out_dir, hub=self.hub)
        print(*checks, sep="\n")
        faults = [check.name for check in checks if check.verdict == "fault"]
        if faults:
            raise MgError(f"doctor: something needed is missing: {', '.join(faults)}. What to do is said above.")
