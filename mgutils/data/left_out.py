"""``left_out.csv``: images of a dataset that are not used, because they cannot be read.

``mg data check --skip-bad`` writes it; every command that reads the dataset keeps to it, so that a training and its
evaluation leave out the same images. Neither the images nor the table are touched; delete the file to use all rows
again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mgutils.data.check import Findings, read_table
from mgutils.data.csv import write_csv
from mgutils.errors import ConfigError
from mgutils.files import written_aside

LEFT_OUT = "left_out.csv"
_REMEDY = "`mg data check --skip-bad` writes it; delete it to use every image."


def without_left_out(frames: pd.DataFrame, root: Path, findings: Findings) -> pd.DataFrame:
    """The frames that ``left_out.csv`` does not name; a note says how many it does.

    Parameters
    ----------
    frames : DataFrame
        With ``path``; keeps its index.
    root : Path
        Folder of the dataset.
    findings : Findings
        Takes the note, or the faults of the file.
    """
    file = root / LEFT_OUT
    if not file.exists():
        return frames
    table = read_table(file, ("path", "found"), _REMEDY, findings)
    if table is None:
        return frames
    out = frames["path"].isin(set(table["path"]))
    if out.all():
        findings.fault(file, f"all {len(frames):,} images", "an image that is not left out", _REMEDY)
    elif out.any():
        findings.notes.append(f"{file}: {out.sum():,} images are left out, first {frames['path'][out].iloc[0]}")
    return frames[~out]


def write_left_out(root: Path, images: Mapping[str, str]) -> Path | None:
    """Write ``left_out.csv``, or remove it where there is nothing to leave out.

    Parameters
    ----------
    images : mapping of str to str
        Path of each image, as in the table, and what is wrong with it.

    Returns
    -------
    Path or None
        The file, if there is one.

    Raises
    ------
    ConfigError
        If the folder cannot be written to.
    """
    file = root / LEFT_OUT
    if not images:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{file}: cannot be removed ({error.strerror}). Check the permissions.") from None
        return None
    with written_aside(file) as aside:
        table = pd.DataFrame({"path": images.keys(), "found": images.values()})
        write_csv(table, aside)
    return file
