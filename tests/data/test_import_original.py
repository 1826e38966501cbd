"""The original's folder with a made-up label CSV beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest
from label_files import write_annotations

from mgutils.cli import main
from mgutils.data.importers import import_original
from mgutils.data.splits import SPLITS, available_splits
from mgutils.data.table import check_dataset, read_dataset
from mgutils.errors import ConfigError, DataError

SUBJECTS = (2, 4, 1, 3, 5, 7)  # of both of iMiGUE's lists


def rows(count: int = 30, shift: int = 0) -> list[tuple]:
    """Annotations to which the tiny dataset's clips 0..23 belong: class ``clip % 4 + 1``."""
    return [(clip // 2, clip * 10, clip * 10 + 5, (clip + shift) % 4 + 1, SUBJECTS[clip // 4 % 6])
            for clip in range(count)]


def state(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("place", ["labels_20200831.csv", "training/labels.csv"])
def test_the_label_csv_beside_the_folder_makes_every_split_possible(bare_root, place):
    write_annotations(bare_root / place, rows())
    before = state(bare_root)
    assert available_splits(read_dataset(bare_root)) == ("frame", "clip")
    assert import_original(bare_root) == bare_root / "clips.csv"
    after = state(bare_root)
    assert after.pop("clips.csv") and after == before
    dataset = read_dataset(bare_root)
    assert available_splits(dataset) == SPLITS
    assert (dataset.frames["video_id"] == dataset.frames["clip_id"] // 2).all()
    assert (dataset.frames["subject_id"] == dataset.frames["clip_id"].map(lambda clip: SUBJECTS[clip // 4])).all()
    assert check_dataset(bare_root, decode=True, progress=False).notes == ()
    assert pd.read_csv(bare_root / "clips.csv")["clip_id"].tolist() == list(range(24))


def test_without_a_label_csv_nothing_is_written(bare_root, capsys):
    before = state(bare_root)
    assert import_original(bare_root) is None
    assert main(["import", "original", str(bare_root)]) == 0
    printed = capsys.readouterr().out
    assert "no label CSV" in printed and "splits: frame, clip\n" in printed
    assert state(bare_root) == before


def test_few_clips_of_another_class_are_a_note_as_in_the_seed(bare_root):
    changed = rows()
    changed[5] = (*changed[5][:3], 31, 4)
    labels = write_annotations(bare_root.parent / "a.csv", changed)
    (bare_root / "Clip_label.csv").write_text("id,name\n" + "".join(
        f"{i},{name}\n" for i, name in enumerate(["Turtle neck", "Folding arms ", "touching jaw ",
                                                  "Illustrative hand gestures", *(f"c{n}" for n in range(27))], 1)))
    import_original(bare_root, labels)
    assert "another class than train.xlsx for 3 images" in " ".join(check_dataset(bare_root).notes)


# name: (annotations, expected (file, column, part of what was found))
WRONG = {
    "too few rows": (rows(20), [("train.xlsx", "Video ID", f"{clip} (") for clip in range(20, 24)]),
    "shifted by one": (rows(30, 1), [("a.csv", "class", "another class than train.xlsx for 72 of 72 images")]),
    "bad class": ([*rows(), (1, 2, 3, 77, 1)], [("a.csv", "class", "'77'")]),
    "more classes than names": ([*rows(), (1, 2, 3, 99, 1)], [("Clip_label.csv", None, "4 classes")]),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_wrong_label_csv_is_refused_and_nothing_written(bare_root, case):
    annotations, places = WRONG[case]
    labels = write_annotations(bare_root.parent / "a.csv", annotations)
    before = state(bare_root)
    with pytest.raises(DataError) as caught:
        import_original(bare_root, labels)
    assert [(Path(fault.file).name, fault.column) for fault in caught.value.faults] == [place[:2] for place in places]
    assert all(found in fault.found for fault, (*_, found) in zip(caught.value.faults, places, strict=True))
    assert state(bare_root) == before


def test_a_sidecar_is_not_overwritten_and_two_label_files_are_refused(tiny_root, capsys):
    with pytest.raises(ConfigError, match="a sidecar already"):
        import_original(tiny_root)
    (tiny_root / "clips.csv").unlink()
    for name in ("labels.csv", "labels_2.csv"):
        write_annotations(tiny_root / name, rows())
    assert main(["import", "original", str(tiny_root)]) == 2
    assert "wanted one label CSV" in capsys.readouterr().err
    assert main(["import", "original", str(tiny_root), "--labels", str(tiny_root / "none.csv")]) == 2
    assert main(["import", "original", str(tiny_root), "--labels", str(tiny_root / "labels.csv")]) == 0
    assert "official" in capsys.readouterr().out
