"""The original's folder as it is, and who is on its pictures.

The original's table calls a clip id "Video ID": it is the 0-based row of iMiGUE's label CSV. With that CSV beside the
folder video and subject are known, and with them the splits that share neither.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mgutils.data.csv import write_csv
from mgutils.data.importers.annotations import read_annotations, sidecar_of
from mgutils.data.table import Dataset, read_dataset
from mgutils.errors import ConfigError, DataError, Findings
from mgutils.files import atomic_file

_AGREE = 0.9
"""Share of the images whose class must be the annotation's. The original's own has 0.9999; another CSV has far less."""
_REMEDY = "Give the label CSV in whose rows the ids count (iMiGUE's labels_20200831.csv for the original)."


def import_original(root: Path | str, labels: Path | str | None = None) -> Path | None:
    """Write ``clips.csv`` for a folder in the original's layout; nothing else in it is touched.

    Parameters
    ----------
    root : path
        Folder with ``training/`` and ``Clip_label.csv``.
    labels : path, optional
        The label CSV. If not given, the only file ``labels*.csv`` in ``root`` or in ``root/training``.

    Returns
    -------
    Path or None
        The sidecar; ``None`` where there is no label CSV.

    Raises
    ------
    ConfigError
        If there is a sidecar already, or several files may be the label CSV.
    DataError
        With every fault of the folder or of the label CSV; if a clip is not in it, or its classes are other ones.
    """
    root = Path(root)
    sidecar = root / "clips.csv"
    if sidecar.exists():
        raise ConfigError(f"{sidecar}: found a sidecar already; wanted to write it. Remove it first.")
    dataset, file = read_dataset(root), _find_labels(root) if labels is None else Path(labels)
    if file is None:
        return None
    annotations = read_annotations(file)
    findings = Findings()
    _check_clips(dataset, annotations["class_id"].to_numpy(), file, findings)
    if findings.faults:
        raise DataError(findings.faults)
    used = annotations.loc[np.unique(dataset.frames["clip_id"])]
    with atomic_file(sidecar) as aside:
        write_csv(sidecar_of(used, dataset.labels), aside)
    return sidecar


def _find_labels(root: Path) -> Path | None:
    found = sorted([*root.glob("labels*.csv"), *(root / "training").glob("labels*.csv")])
    if len(found) > 1:
        raise ConfigError(f"{root}: found {' and '.join(file.name for file in found)}; wanted one label CSV. Name it "
                          "with --labels.")
    return found[0] if found else None


def _check_clips(dataset: Dataset, classes: np.ndarray, file: Path, findings: Findings) -> None:
    """Every clip must be a row of the annotations, and nearly all must have its class."""
    frames, table = dataset.frames, dataset.root / "training" / "train.xlsx"
    clips = frames.drop_duplicates("clip_id")
    beyond = clips[clips["clip_id"] >= len(classes)]
    for row in beyond.itertuples():
        findings.fault(table, f"{row.clip_id} ({row.path})", f"a row number of {file}, 0..{len(classes) - 1:,}",
                       _REMEDY, column="Video ID")
    if beyond.empty:
        agree = frames["class_id"].to_numpy() == classes[frames["clip_id"].to_numpy()]
        if agree.mean() < _AGREE:
            first = frames["path"][int(np.argmin(agree))]
            findings.fault(file, f"another class than train.xlsx for {(~agree).sum():,} of {len(agree):,} images, "
                           f"first {first}", f"the same class for {_AGREE:.0%} of them", _REMEDY, column="class")
    if len(dataset.labels) < classes.max(initial=0):
        findings.fault(dataset.root / "Clip_label.csv", f"{len(dataset.labels)} classes",
                       f"the {classes.max()} of {file}", "Copy the original's Clip_label.csv there.")
