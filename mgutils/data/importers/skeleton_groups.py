"""Class, video and subject of imported clips: what the source says, what the clips' names say, what a CSV says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mgutils.data.csv import LARGEST_ID, describe, read_csv
from mgutils.data.importers.skeleton_clip import REMEDY, place_of
from mgutils.data.labels import Labels, imigue_labels, read_labels
from mgutils.errors import ConfigError, DataError, Findings

FIELDS = ("video", "subject", "class")
_IMIGUE_NAMES = "(?P<video>[0-9]{4})_[0-9]+"
_CSV_REMEDY = "Give a CSV with the column clip and any of class, video and subject; or with video and subject."


def names_pattern(text: str | None) -> re.Pattern[str]:
    """The pattern of ``--names``; that of iMiGUE's clips, such as ``0054_12``, if none is given.

    Raises
    ------
    ConfigError
        If it is no regular expression, or has none of the groups ``video``, ``subject`` and ``class``.
    """
    try:
        pattern = re.compile(text or _IMIGUE_NAMES)
    except (re.error, RecursionError, OverflowError) as error:
        raise ConfigError(f"names: found {text!r}, which is no regular expression ({error}). Correct it.") from None
    if not set(FIELDS) & set(pattern.groupindex):
        raise ConfigError(f"names: found {text!r}; wanted a regular expression with some of the groups "
                          "(?P<video>...), (?P<subject>...) and (?P<class>...).")
    return pattern


def fill_from_names(clips: pd.DataFrame, pattern: str | None, source: Path, findings: Findings) -> None:
    """Set what the names say.

    Parameters
    ----------
    clips : DataFrame
        ``name, video, subject, class`` (texts, "" where nobody knows; the class may be an id 1..), changed in place.
    pattern : str, optional
        Must match the whole of every name. If not given, iMiGUE's is tried where the videos are not known.
    source : Path
        For the faults.
    findings : Findings
    """
    compiled = names_pattern(pattern)
    matches = [compiled.fullmatch(name) for name in clips["name"]]
    if pattern is None and (not all(matches) or clips["video"].any()):
        return
    for name, match in zip(clips["name"], matches, strict=True):
        if match is None:
            findings.fault(source, f"the clip {describe(name)}", f"a name that is {pattern} as a whole",
                           "Correct --names.")
    if all(matches):
        for field in set(FIELDS) & set(compiled.groupindex):
            clips[field] = [match[field] or "" for match in matches]


def fill_from_csv(clips: pd.DataFrame, file: Path, findings: Findings) -> None:
    """Set what a CSV says of each clip, or, where it has no column ``clip``, of each video.

    Parameters
    ----------
    clips : DataFrame
        ``name, video, subject, class``; changed in place.
    file : Path
    findings : Findings
        Takes a fault for each clip that is not in the CSV, and for what it says in two ways.
    """
    table = read_csv(file, (), _CSV_REMEDY)
    table = table.rename(columns={f"{field}_id": field for field in ("clip", *FIELDS) if field not in table})
    key = "clip" if "clip" in table else "video"
    # a video has many classes
    fields = [field for field in FIELDS if field in table and field != key and (key == "clip" or field != "class")]
    if key not in table or not fields:
        findings.fault(file, f"the columns {describe(', '.join(table))}",
                       "a column clip or video, and one that it tells", _CSV_REMEDY)
        return
    keys = table[key].map(_plain)
    wanted = clips["name" if key == "clip" else "video"].map(_plain)
    for absent in sorted(set(wanted) - set(keys)):
        findings.fault(file, f"no row for {key} {describe(absent)}", f"a row for each {key}", _CSV_REMEDY)
    for field in fields:
        values = table[field].str.strip()
        doubtful = values.groupby(keys).nunique()
        for said in doubtful.index[(doubtful > 1) & doubtful.index.isin(set(wanted))]:
            findings.fault(file, f"{doubtful[said]} values for {key} {describe(said)}", "one", "Correct the rows.",
                           column=field)
        clips[field] = wanted.map(values.groupby(keys).first()).fillna("")


def _plain(text: str) -> str:
    """A number without zeros before it, so that 0054 and 54 are one video."""
    text = text.strip()
    return text.lstrip("0") or "0" if text.isascii() and text.isdigit() else text


def choose_labels(clips: pd.DataFrame, file: Path | None, source: Path, findings: Findings) -> Labels:
    """The classes: those of a file, those beside the source, those that the clips name, or iMiGUE's.

    Raises
    ------
    DataError
        With every fault of the file.
    """
    beside = (source if source.is_dir() else source.parent) / "Clip_label.csv"
    if file is not None or beside.is_file():
        return read_labels(file or beside)
    texts = {text for text in clips["class"] if isinstance(text, str)} - {""}
    if any(not text.isascii() or not text.isdigit() for text in texts):
        return Labels(tuple(sorted(texts)))
    if clips["class"].any():
        findings.notes.append("no --labels, so the classes have iMiGUE's names")
    return imigue_labels()


def class_ids(clips: pd.DataFrame, labels: Labels, source: Path) -> pd.Series:
    """Class ids 1..C of the clips, 0 where nobody knows the class of any of them.

    A class is an id or a caption; 99 is 32 where there are 32 classes.

    Raises
    ------
    DataError
        With each clip whose class is not known or out of range.
    """
    if not clips["class"].any():
        return pd.Series(0, clips.index)
    findings, ids = Findings(), []
    captions = {name.strip(): number for number, name in reversed(list(enumerate(labels.names, start=1)))}
    for name, text in zip(clips["name"], clips["class"], strict=True):
        try:
            ids.append(int(labels.to_index([_id(text, captions)])[0]) + 1)
        except ValueError:
            found = f"class {describe(text)}" if text else "no class"
            findings.fault(place_of(source, name), found, f"one of the {len(labels)} classes",
                           "Give the classes with --labels, and those of the clips with --clips. " + REMEDY)
    if findings.faults:
        raise DataError(findings.faults)
    return pd.Series(ids, clips.index)


def _id(text: str | int, captions: dict[str, int]) -> int:
    """A class id; 0 where there is none."""
    if isinstance(text, int):
        return text
    return captions.get(text) or (int(text) if re.fullmatch("[0-9]{1,9}", text) else 0)


def numbered(texts: Sequence[str]) -> dict[str, int]:
    """An id for each text: the number that it is, where all of them are; else 1.. in their order."""
    distinct = sorted(set(texts))
    if all(text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= LARGEST_ID for text in distinct):
        return {text: int(text) for text in distinct}
    return {text: number for number, text in enumerate(distinct, start=1)}
