"""Label files in iMiGUE's format, made up: no row of the dataset."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

HEADER = ("video_id,label_id,start_time,start_frame,end_time,end_frame,class,subject_id,subject_gender,"
          "subject_nationality,win_or_lose")


def write_annotations(path: Path, rows: Iterable[tuple]) -> Path:
    """Write ``(video, start, end, class, subject)`` as the label CSV has them; times follow from the frames."""
    lines = [f"{video},{number},{start / 25},{start},{end / 25},{end},{class_id},{subject},F,Nowhere ,win"
             for number, (video, start, end, class_id, subject) in enumerate(rows)]
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path
