"""The map of the course: each notebook's title, what it needs, and how long it took, measured.

Titles and needs are read from the notebooks' own first cells, minutes from ``minutes.csv``, which
:mod:`mgutils.course.reproduce` has written here.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.config import PROFILES
from mgutils.course.exercises import all_exercises
from mgutils.course.notebooks import SOURCES, read_source, sources
from mgutils.data.csv import write_csv
from mgutils.errors import MgError
from mgutils.files import atomic_file
from mgutils.report.markdown import markdown_table

COLUMNS = ["notebook", "profile", "minutes", "again"]
_MEASURED = {"minutes": float, "again": float}
PUBLISHED = SOURCES.parents[1] / "figures" / "minutes.csv"
"""The table that ``mg publish`` copies: the authors' machine, for readers who have run nothing yet."""
QUESTIONS = {
    "00_start_here": "What is this, and is my machine ready?",
    "01_data_exploration": "What is in the images, and what does each split leak?",
    "02_clip_architecture": "Which shape goes where, and why does the temperature matter?",
    "03_clip_from_scratch": "Can I build CLIP and train it myself?",
    "04_divergences": "What does Equation 1 say, and what does the code run?",
    "05_what_broke_the_row": "Which one change repairs the cross entropy row?",
    "06_training": "How does a run learn, and how does one collapse?",
    "07_evaluation": "What does Table 1 say beside classifiers that look at no pixel?",
    "08_vision_only_and_controls": "Does the text help?",
    "09_honest_evaluation": "What is left on new people, and how sure is that?",
    "10_skeletons_and_words": "Does meaning help, and a second stream?",
    "11_one_space_for_four_cameras": "What is one space for four cameras worth?",
    "12_sentences_and_unseen_classes": "Can a sentence stand for a class never seen?",
    "13_the_bridge": "Does the report's loss teach a skeleton?",
    "14_report": "Which figures, numbers and claims hold?",
    "A1_disputes": "Who is right?",
    "A2_intervals": "Do they hold what they promise?",
}
"""What each notebook answers, for the README."""


def read_minutes(file: Path | str) -> pd.DataFrame:
    """Minutes of every notebook: the first run, which had everything to make, and the latest one after it.

    Parameters
    ----------
    file : path
        Need not exist.

    Returns
    -------
    DataFrame
        ``notebook``, ``profile``, ``minutes`` (first), ``again`` (latest, NaN before there is a second run); empty
        where there is no file.

    Raises
    ------
    MgError
        If the file is not such a table.
    """
    file = Path(file)
    if not file.exists():
        return pd.DataFrame(columns=COLUMNS).astype(_MEASURED)
    try:
        return pd.read_csv(file, dtype=_MEASURED)[COLUMNS]
    except (ValueError, KeyError) as error:
        raise MgError(f"{file}: not a table of minutes ({error}); wanted the columns {', '.join(COLUMNS)}. "
                      "Delete it; `mg reproduce` writes it anew.") from None


def record_minutes(file: Path | str, notebook: str, profile: str, minutes: float, *, trained: bool = False) -> None:
    """Note how long a notebook took, the first time or again; rows of other notebooks and profiles stay.

    Parameters
    ----------
    trained : bool
        Runs were missing and have been trained: the minutes count as those of a first run, unless that took longer.
    """
    table = read_minutes(file).set_index(["notebook", "profile"])
    key = notebook, profile
    first, again = table.loc[key] if key in table.index else (minutes, float("nan"))
    if trained:
        first = np.fmax(first, minutes)
    elif key in table.index:
        again = minutes
    table.loc[key, :] = round(first, 2), round(again, 2)
    order = sorted(table.index, key=lambda key: (list(PROFILES).index(key[1]), key[0]))
    with atomic_file(file) as aside:
        write_csv(table.loc[order].reset_index(), aside)


def course_map(minutes_file: Path | str, profile: str, source_dir: Path | str = SOURCES) -> pd.DataFrame:
    """One row per notebook: ``notebook`` (file name without suffix), ``title``, ``needs``, ``minutes``, ``again``.

    Parameters
    ----------
    minutes_file : path
        ``minutes.csv`` of a folder of results; where it is absent, the published one is taken.
    profile : str
        Whose minutes; NaN where they were not measured.
    source_dir : path
        Folder of the sources.

    Raises
    ------
    MgError
        If there is no source.
    """
    file = Path(minutes_file)
    table = read_minutes(file if file.exists() else PUBLISHED)
    table = table[table["profile"] == profile].set_index("notebook")[["minutes", "again"]]
    rows = pd.DataFrame([_opening(source) for source in sources(source_dir)], columns=["notebook", "title", "needs"])
    return rows.join(table, on="notebook")


def as_markdown(table: pd.DataFrame) -> str:
    """The map as a Markdown table whose titles are links to the notebooks beside it."""
    rows = []
    for row in table.itertuples():
        number, _, title = row.title.partition(" ")
        link = f"[{title}]({row.notebook}.ipynb)"
        rows.append((number, link, row.needs, _show(row.minutes), _show(row.again)))
    return markdown_table(("", "notebook", "needs", "minutes, first time", "again"), rows, "rllrr")


def questions_table(root: Path | str) -> str:
    """The notebooks for the README, in Markdown: link, question, minutes of the first run, number of exercises.

    Parameters
    ----------
    root : path
        The project, with ``notebooks/src`` and ``figures/minutes.csv`` (profile ``cpu``).
    """
    root = Path(root)
    table = course_map(root / "figures" / "minutes.csv", "cpu", root / "notebooks" / "src")
    exercises = Counter(task.notebook for task in all_exercises().values())
    rows = []
    for row in table.itertuples():
        title = re.split(r": |(?<=\?) ", row.title)[0]
        link = f"[{title}](notebooks/{row.notebook}.ipynb)"
        count = exercises[row.notebook[:2]] or "–"
        rows.append((link, QUESTIONS.get(row.notebook, ""), _show(row.minutes), count))
    rows.append(("together", "", _show(table["minutes"].sum(skipna=False)), exercises.total()))
    return markdown_table(("Notebook", "Question", "Minutes", "Exercises"), rows, "llrr")


def _show(minutes: float) -> str:
    """Minutes with one decimal; a dash where nobody measured."""
    return "–" if pd.isna(minutes) else "< 0.1" if minutes < 0.05 else f"{minutes:.1f}"


def _opening(source: Path) -> tuple[str, str, str]:
    """Name, title and the first sentence after *Needs* of a source."""
    text = read_source(source).cells[0].source
    title = text.splitlines()[0].removeprefix("# ").strip() if text else source.stem
    needs = re.search(r"\*\*Needs\*\*\s+(.+?)(?=[.:;,]\s|\.?\n\n|\.?\Z)", text, re.DOTALL)
    return source.stem, title, re.sub(r"\s*\(.*", "", " ".join(needs[1].split())) if needs else ""
