"""Figure of `mg bind`: what a modality of one's own got from a trained anchor, and from a random one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mgutils.experiments.bind_tables import CONSTANT, RANDOM, TRAINED
from mgutils.report.figures.charts import CONSTANT as DASHED
from mgutils.report.figures.charts import legend_below, panels
from mgutils.style import BLUE, ORANGE

TITLES = {"uar": "UAR, %", "top1": "top-1, %"}
METHODS = {"linear_probe": "linear probe", "nearest": "nearest neighbours", "emergent": "emergent classes"}
MARKS = {TRAINED: (BLUE, "o", -0.14), RANDOM: (ORANGE, "s", 0.14)}
"""Colour, marker and place beside the row's middle of each group."""


def question(method: str, shots: int) -> str:
    """How a row is called."""
    labels = "" if method == "emergent" else f", {shots} labels a class" if shots else ", all labels"
    return METHODS.get(method, method) + labels


def bind_chart(table: pd.DataFrame) -> Figure:
    """UAR and top-1 of every question with both anchors: the mean of the seeds, and the 95 % interval.

    Parameters
    ----------
    table : DataFrame
        Of :func:`mgutils.experiments.bind_tables.bind_table`.
    """
    asked = table[table["anchor"] == TRAINED][["method", "shots"]].drop_duplicates()
    asked = asked[asked["method"].isin(METHODS)]
    names = [question(*row) for row in asked.itertuples(index=False)]
    figure, axes = panels(2, 11, 0.5 * len(names) + 1.7, sharey=True)
    for panel, (score, title) in zip(axes, TITLES.items(), strict=True):
        rows = table[table["score"] == score].set_index(["anchor", "method", "shots"])[["value", "low", "high"]] * 100
        panel.axvline(rows.loc[(CONSTANT, CONSTANT, 0), "value"], **DASHED)
        for group, (color, marker, beside) in MARKS.items():
            found = rows.loc[group].loc[list(asked.itertuples(index=False, name=None))]
            places = np.arange(len(names)) + beside
            panel.hlines(places, found["low"], found["high"], color=color, linewidth=1.8)
            panel.scatter(found["value"], places, color=color, marker=marker, s=55, zorder=3, label=group)
        panel.set_yticks(range(len(names)), names)
        panel.set(xlabel=title, ylim=(len(names) - 0.5, -0.5))
        panel.set_xlim(left=0)
        panel.grid(axis="y", visible=False)
    legend_below(figure, axes[0], 3)
    return figure
