"""The one page of results of `mg bind`: ``bind.md``, its chart ``bind.png``, and every number in ``bind.csv``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.data.csv import write_csv
from mgutils.experiments.bind import Binding
from mgutils.experiments.bind_tables import CHANCE, CONSTANT, ITSELF, LESS, RANDOM, RETRIEVAL, TRAINED
from mgutils.files import atomic_file
from mgutils.report.figures.binding import METHODS, bind_chart, question
from mgutils.report.markdown import markdown_table, percent
from mgutils.style import save, use_style

PAGE, TABLE, CHART = "bind.md", "bind.csv", "bind.png"
_TITLES = {"uar": "Mean recall of the classes (UAR), %", "top1": "Accuracy (top-1), %"}


def write_bind(found: Binding, table: pd.DataFrame, folder: Path | str) -> Path:
    """Write the page, its table and its chart; returns the page.

    Parameters
    ----------
    found : Binding
    table : DataFrame
        Of :func:`mgutils.experiments.bind_tables.bind_table`.
    folder : path
        Made where it is missing.

    Raises
    ------
    ConfigError
        If it cannot be written to.
    """
    folder = Path(folder)
    with atomic_file(folder / TABLE) as aside:
        write_csv(table, aside)
    use_style()
    with atomic_file(folder / CHART) as aside:
        save(bind_chart(table), aside)
    with atomic_file(folder / PAGE) as aside:
        aside.write_text(bind_page(found, table), encoding="utf-8")
    return folder / PAGE


def bind_page(found: Binding, table: pd.DataFrame) -> str:
    """The page in Markdown; every number in it is one of the table, of the clips or of a run's settings."""
    parts = [f"# {found.name}, bound to {found.anchor}", " ".join(_said(found)), _verdicts(found, table)]
    for score, title in _TITLES.items():
        parts += [f"## {title}", _scores(found, table[table["score"] == score])]
    parts += [f"![UAR and top-1 of every question with the trained and with the random anchor]({CHART})",
              f"## Find the same clip: from {found.name} to {found.anchor}", _retrieval(table), _how_to_read(found)]
    return "\n\n".join(parts) + "\n"


def _said(found: Binding) -> Iterator[str]:
    """What was done, in sentences."""
    runs = found.groups[TRAINED]
    config = runs[0].config
    both = np.logical_and(*found.there.values())
    split = found.split
    shape = " x ".join(map(str, config.model.encoders[found.name]["shape"]))
    if found.synthetic:
        yield "**The clips are synthetic**: the studio drew them, and the numbers say little about real people."
    yield (f"An encoder of `{found.name}` ({shape} numbers a frame) learned to agree with the frozen encoder of "
           f"`{found.anchor}` out of the run `{found.start.directory.name}`, clip by clip, without a label.")
    yield (f"It learned from {both[split.train].sum():,} clips that have both, in {len(runs)} "
           f"run{'s' * (len(runs) > 1)} of {config.train.epochs} epochs.")
    people = ""
    if found.dataset.has_groups:
        people = f" of {found.dataset.frames['subject_id'].iloc[split.valid].nunique()} people"
    yield (f"Asked are the {found.there[found.name][split.valid].sum():,} reported clips{people} that have "
           f"`{found.name}` (split `{split.name}`).")
    if found.seen is None:
        yield "The anchor was trained on other clips than these; whether they share people is not known."
    elif found.seen:
        yield (f"**The anchor has learned from {found.seen:,} of the {len(split.valid):,} reported clips**: its own "
               "scores, and all that it gives, are too high.")
    else:
        yield "The anchor has learned from none of them."


def _verdicts(found: Binding, table: pd.DataFrame) -> str:
    """Which questions show that the anchor's training matters."""
    rows = table[(table["anchor"] == LESS) & table["score"].isin(("uar", "r1"))]
    lines = []
    for verdict, words in (("shown", "better than with a random anchor, shown"),
                           ("not shown", "no difference shown"),
                           ("shown the other way round", "worse than with a random anchor, shown")):
        some = rows[rows["verdict"] == verdict]
        names = [_name(method, shots) for method, shots in zip(some["method"], some["shots"], strict=True)]
        if names:
            lines.append(f"* {words}: {'; '.join(names)}")
    return f"What the training of the anchor gave to `{found.name}` (UAR; R@1 of retrieval):\n\n" + "\n".join(lines)


def _name(method: str, shots: int) -> str:
    return RETRIEVAL if method == RETRIEVAL else question(method, shots)


def _scores(found: Binding, table: pd.DataFrame) -> str:
    """One score of every question, the constant class first."""
    cells = table.set_index(["anchor", "method", "shots"])
    constant = _percent(cells.loc[(CONSTANT, CONSTANT, 0)])
    rows = [["constant class", constant, constant, "", "", ""]]
    for method, shots in cells.loc[TRAINED].index:
        if method in METHODS:
            trained, random, less, itself = (cells.loc[(group, method, shots)]
                                             for group in (TRAINED, RANDOM, LESS, ITSELF))
            rows.append([question(method, shots), _percent(trained), _percent(random), _percent(less), less["verdict"],
                         _percent(itself)])
    header = ["question", TRAINED, RANDOM, "difference, points", "verdict", f"{found.anchor} itself"]
    return markdown_table(header, rows, "lrrrlr")


def _retrieval(table: pd.DataFrame) -> str:
    """R@1 beside chance."""
    cells = table[table["method"] == RETRIEVAL].set_index("anchor")
    less = cells.loc[LESS]
    row = [f"{int(less['clips']):,}", f"{100 * cells.loc[CHANCE, 'value']:.1f}", _percent(cells.loc[TRAINED]),
           _percent(cells.loc[RANDOM]), _percent(less), less["verdict"]]
    return markdown_table(["clips", "R@1 by chance, %", TRAINED, RANDOM, "difference, points", "verdict"], [row],
                          "rrrrrl")


def _percent(row: pd.Series) -> str:
    """A share with its interval in percent; without one where nobody can say."""
    if np.isnan(row["low"]):
        return f"{100 * row['value']:.1f}"
    return percent(row["value"], row["low"], row["high"])


def _how_to_read(found: Binding) -> str:
    groups = "people" if found.dataset.has_groups else "clips"
    return f"""## How to read this

* A *linear probe* and *nearest neighbours* learn from labels of `{found.name}`'s own embeddings, 5 a class (mean of
  several draws) or all. *Emergent* classes are learned from `{found.anchor}` alone and asked with `{found.name}`.
* The *random anchor* is the control: the same runs, pulled towards a frozen encoder of random weights. What it reaches,
  too, is not due to what the anchor had learned; a linear probe with all labels often cannot tell the two apart.
* In brackets: 95 % intervals over {groups} and seeds. There is one trained anchor, so they do not speak of others.
  *Shown*: the interval of the paired difference leaves out 0 and p < 0.05, each question by itself.
* Every number is in `{TABLE}`.
"""
