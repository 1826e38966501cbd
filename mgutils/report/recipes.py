"""Recipes on new people as a table in Markdown, which docs/results.md and the front page show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from mgutils.config import SplitName
from mgutils.data.table import Dataset
from mgutils.experiments import generalization
from mgutils.report.markdown import markdown_table, percent
from mgutils.training.run import Run

_WORDS = {
    "report": "the report's recipe",
    "sound": "the same with the sound loss",
    "ours": "ours: the sound loss and small turns, shifts and zooms",
}


def new_people_table(dataset: Dataset, runs: Mapping[str, Sequence[Run]], split: SplitName) -> str:
    """Scores of each recipe and, in UAR, how far it is from the first one.

    Parameters
    ----------
    dataset : Dataset
    runs : mapping of str to sequence of Run
        By the name of the recipe; the first is the one that the others are compared with.
    split : str
        Of all runs.

    Taught in: 09, section 6.
    """
    first, *others = runs
    gains = generalization.compare(dataset, runs, [(first, name) for name in others])
    gains = gains[gains["score"] == "uar"].set_index("second")
    seeds = len(runs[first])
    header = (f"Split by {split}", "Epochs", "Top-1", "UAR", "UAR over the report's")
    lines = []
    for name, group in runs.items():
        scores = generalization.split_table(dataset, {split: group}).set_index("score")
        found = [percent(*scores.loc[score, ["value", "seed_low", "seed_high"]]) for score in ("top1", "uar")]
        found.append(_gain(gains.loc[name]) if name in gains.index else "–")
        lines.append((_WORDS[name], str(group[0].config.train.epochs), *found))
    constant = (f"{100 * scores.loc[score, 'constant']:.1f}" for score in ("top1", "uar"))
    lines.append(("constant class", "–", *constant, "–"))
    return markdown_table(header, lines, "lrrrr") + (
        f"\n\nPercent; mean and (lowest to highest) over {seeds} seeds; the epoch is chosen by top-1 on held-out "
        "training subjects. UAR over the report's: percentage points, with the 95 % interval over subjects and seeds; "
        "*shown* as in notebook 09.\n")


def _gain(row: pd.Series) -> str:
    return f"{percent(row['difference'], row['low'], row['high'])}, {'shown' if row['shown'] else 'not shown'}"
