"""Which images or videos to import: rows of a CSV, or the files in a folder for each class. None is decoded here."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mgutils.data.csv import describe, read_csv, refuse_cells
from mgutils.data.images import SUFFIXES
from mgutils.data.labels import LONGEST_NAME, UNPRINTABLE
from mgutils.errors import FIRST_ROW, DataError, Fault, Findings, data_error, printable

_UNSAFE = re.compile(r"^/|^[A-Za-z]:|\\|(?:^|/)\.\.(?:/|$)|[\x00-\x1f]")
_REMEDY = "Say which columns to read with --path, --class, {} and --group; --group None where nobody knows the groups."
_WORDS = {"image": ("an image", "--caption", "--images-root"), "video": ("a video", "--description", "--videos-root")}
"""What is listed, in a sentence; the option with its text, and that with its folder."""
_COPY = "Remove it, or name the folder that it leads into with --images-root."
_JUNK = {"thumbs.db", "desktop.ini"}  # what file managers leave behind, besides hidden files
_TEXTS = {".txt", ".md", ".csv", ".json", ".xml", ".yaml", ".yml", ".log"}  # notes beside the images


@dataclass(frozen=True)
class Listing:
    """The images to import.

    Parameters
    ----------
    table : DataFrame
        ``source`` (relative to ``home``), ``class``, ``caption`` and, where there are groups, ``group``: text.
    home : Path
        Folder of the images.
    csv : Path or None
        The list, in which ``table`` keeps its place; ``None`` for a folder of folders.
    column : str
        The CSV's column with the image.
    refused : set of int
        Rows whose path is a fault.
    bad : dict of int to Fault
        Rows whose image cannot be used, as far as that shows before it is decoded.
    passed_over : list of Fault
        What is no image and does no harm: an empty class's folder, a text file in one.
    what : str
        What is listed: ``image`` or ``video``.
    """

    table: pd.DataFrame
    home: Path
    csv: Path | None = None
    column: str = ""
    refused: set[int] = field(default_factory=set)
    bad: dict[int, Fault] = field(default_factory=dict)
    passed_over: list[Fault] = field(default_factory=list)
    what: str = "image"

    @property
    def usable(self) -> pd.DataFrame:
        """The rows whose image can be decoded, perhaps."""
        return self.table[~self.table.index.isin([*self.refused, *self.bad])]

    def fault(self, row: int, found: str, wanted: str) -> Fault:
        """What is wrong with the image of a row."""
        source = self.table["source"][row]
        if self.csv is None:
            return Fault(str(self.home / source), None, None, found, wanted,
                         "Restore it, move it away, or leave out all such images with --skip-bad.")
        return Fault(str(self.csv), row + FIRST_ROW, self.column, f"{found} {describe(source)}", wanted,
                     f"Restore it, delete the row, or leave out all such {self.what}s with --skip-bad.")


def list_csv(csv: Path, names: Mapping[str, str | None], findings: Findings, home: Path | None = None,
             what: str = "image") -> Listing:
    """The images or videos that a CSV names.

    Parameters
    ----------
    csv : Path
    names : mapping
        ``source, class, caption, group`` to the CSV's columns; no group where it is ``None``. The class is the caption
        where there is no column ``caption``.
    home : Path, optional
        Folder of the images; if not given, that of the CSV.
    findings : Findings
        Takes the faults of the table.
    what : str
        ``image`` or ``video``.

    Raises
    ------
    DataError
        If there is no such table.
    """
    needed = [column for new, column in names.items() if column and (new, column) != ("caption", "caption")]
    table = read_csv(csv, list(dict.fromkeys(needed)), _REMEDY.format(_WORDS[what][1]))
    if names["caption"] not in table:
        names = {**names, "caption": names["class"]}
    columns = [column for column in dict.fromkeys(names.values()) if column]
    for column in columns:
        refuse_cells(findings, csv, table[column][table[column].str.strip() == ""], "a value in every row",
                     "Fill the cell.", found="an empty cell")
    source = pd.DataFrame({new: table[old] for new, old in names.items() if old})
    source["class"] = source["class"].str.strip()
    filled = source[(source["class"] != "") & (source["caption"].str.strip() != "")]
    other = filled[filled["caption"] != filled.groupby("class")["caption"].transform("first")]
    if names["caption"] != names["class"]:
        for row, cells in other.iterrows():
            findings.fault(csv, f"{describe(cells['caption'])} for class {cells['class']!r}",
                           "the caption of the class's first row", "Give all rows of a class one caption.",
                           row=row + FIRST_ROW, column=names["caption"])
    for column in columns[1:]:
        refuse_cells(findings, csv, table[column][table[column].map(_is_strange)],
                     f"one line, at most {LONGEST_NAME:,} characters", "Shorten it.")
    listing = Listing(source, csv.parent if home is None else home, csv, names["source"], what=what)
    _check_paths(listing, findings)
    return listing


def _is_strange(name: str) -> bool:
    return bool(UNPRINTABLE.search(name)) or len(name) > LONGEST_NAME or printable(name) != name


def _check_paths(listing: Listing, findings: Findings) -> None:
    """A path that leaves the folder or comes twice is a fault; an image that is not there is bad."""
    cells, home = listing.table["source"].rename(listing.column), listing.home
    paths = listing.table["source"] = cells.map(lambda path: _relative(path, home))
    filled, unsafe = paths.str.strip() != "", paths.map(lambda path: bool(_UNSAFE.search(path)))
    repeated = paths.map(posixpath.normpath).duplicated()
    inside = pd.Series([not bad and _is_inside(home / path, home) for path, bad in zip(paths, unsafe, strict=True)],
                       index=paths.index)
    refuse_cells(findings, listing.csv, cells[filled & ~inside],
                 f"a path inside {home.absolute()}, with forward slashes",
                 f"Name the folder of the {listing.what}s with {_WORDS[listing.what][2]}.")
    refuse_cells(findings, listing.csv, cells[filled & inside & repeated], f"each {listing.what} once",
                 "Delete the repeated row.", found="{} again")
    usable = filled & inside & ~repeated
    listing.refused.update(paths.index[~usable])
    listing.bad.update({row: listing.fault(row, "no file", _WORDS[listing.what][0]) for row in paths.index[usable]
                        if not os.path.isfile(home / paths[row])})


def _relative(path: str, home: Path) -> str:
    """A path that begins at the root, and lies in a folder, as that folder has it; any other as it is."""
    if not os.path.isabs(path):
        return path
    folder, name = os.path.split(path)
    try:
        return Path(os.path.realpath(folder), name).relative_to(home.resolve()).as_posix()
    except ValueError:  # it lies elsewhere, or is no path
        return path


def _is_inside(file: Path, home: Path) -> bool:
    """Whether a file, its links followed, lies in a folder; a ring of links lies nowhere."""
    try:
        return file.resolve().is_relative_to(home.resolve())
    except (OSError, RuntimeError):
        return False


def list_folder(home: Path, findings: Findings, root: Path | None = None) -> Listing:
    """The images in ``<home>/<class name>/``; hidden files and what file managers leave behind are passed over.

    Parameters
    ----------
    home : Path
    findings : Findings
        Takes the faults: a name that is no text, an image beside the classes' folders, a folder in one of them, a
        link that leads out.
    root : Path, optional
        Another folder in which links may lead.
    """
    table: dict[str, list[str]] = {"source": [], "class": []}
    passed_over: list[Fault] = []
    for place in _entries(home):
        strange = _bad_link(place, home, root)
        if strange:
            findings.fault(_shown(place), strange, "a class's folder", _COPY)
        elif place.is_dir() and _is_strange(place.name):
            findings.fault(_shown(place), "a name that is no line of text", "a class's folder", "Rename it.")
        elif place.is_dir():
            listed = [file for file in _entries(place) if _is_listed(file, home, root, findings)]
            passed_over += [Fault(_shown(file), None, None, "a text file", "an image", "Nothing needs to be done.")
                            for file in listed if file.suffix.lower() in _TEXTS]
            names = [file.name for file in listed if file.suffix.lower() not in _TEXTS]
            table["source"] += [f"{place.name}/{name}" for name in names]
            table["class"] += [place.name.strip()] * len(names)
            if not names:
                passed_over.append(Fault(_shown(place), None, None, "no image", "a folder of images for each class",
                                         "The class is left out."))
        elif place.suffix.lower() in SUFFIXES:
            findings.fault(_shown(place), "an image outside the classes' folders",
                           "<folder>/<class name>/<image>", "Move it into the folder of its class.")
    if not table["source"] and not findings.faults:
        findings.fault(home, "no folder of a class", "<folder>/<class name>/<image>",
                       "Sort the images into a folder for each class, or list them in a CSV.")
    if not table["source"]:
        raise DataError(findings.faults)
    listing = Listing(pd.DataFrame(table | {"caption": table["class"]}, dtype=str), home, passed_over=passed_over)
    listing.bad.update({row: listing.fault(row, f"a file of the kind {Path(source).suffix!r}",
                                           f"an image ({', '.join(SUFFIXES)})")
                        for row, source in enumerate(table["source"]) if not source.lower().endswith(SUFFIXES)})
    return listing


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, in one order everywhere."""
    try:
        return sorted(entry for entry in folder.iterdir()
                      if not entry.name.startswith((".", "__MACOSX")) and entry.name.lower() not in _JUNK)
    except OSError as error:
        raise data_error(_shown(folder), error.strerror, "a folder that can be read", "Check its permissions."
                         ) from None


def _is_listed(file: Path, home: Path, root: Path | None, findings: Findings) -> bool:
    """Whether an entry of a class's folder is a file of it."""
    found, remedy = _bad_link(file, home, root), _COPY
    if not found and (file.is_dir() or _is_strange(file.name)):
        found = "a folder in a class's folder" if file.is_dir() else "a name that is no line of text"
        remedy = "Move it away, or list the images in a CSV."
    if found:
        findings.fault(_shown(file), found, "images only", remedy)
    return not found


def _bad_link(file: Path, home: Path, root: Path | None) -> str:
    """What is wrong with where a name leads; "" where nothing is."""
    if not file.exists():
        return "a link that leads nowhere"
    inside = _is_inside(file, home) or (root is not None and _is_inside(file, root))
    return "" if inside else _shown(f"a link to {file.resolve()}, outside {home}")


def _shown(file: Path | str) -> str:
    """The name as one line of text, whatever its bytes are."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(file))
