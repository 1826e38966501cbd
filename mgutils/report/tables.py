"""The report's Table 1 with what it lacks: seeds, UAR, the number of answered classes, two baselines, two controls.

All scores in a table are percentages. Figures of the same numbers are in ``figures.results``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mgutils.data.csv import write_csv
from mgutils.errors import ConfigError
from mgutils.report.markdown import markdown_table

if TYPE_CHECKING:
    from mgutils.data.audit import Audit
    from mgutils.training.run import Run


@dataclass(frozen=True)
class Method:
    """How a row of the table is called, and what it is."""

    name: str
    what: str


METHODS = {
    "report_ce": Method("Cross-entropy (report)",
                        "cross entropy to soft targets made of the batch's similarities; no L2 norm, temperature 0.05"),
    "report_js": Method("JS divergence (report)",
                        "forward KL to softmax(10 x label matrix); no L2 norm, temperature 0.05"),
    "sound_ce": Method("Cross-entropy (sound control)",
                       "cross entropy to the identity, as CLIP has it; L2 norm, temperature 0.07"),
    "sound_js": Method("JS divergence (sound control)",
                       "Jensen-Shannon divergence to the row-normalised label matrix; L2 norm, temperature 0.07"),
}
"""By the names in :data:`mgutils.config.OBJECTIVES`."""

REPORTED = {"report_ce": (22.54, 27.71), "report_js": (81.13, 94.33)}
"""Top-1 and top-5 in the report's Table 1, in percent."""

COUNTED = {"constant": (27.27, 60.8), "lookup": (96.57, np.nan)}
"""The two baselines on the report's own split, counted in its ``train.xlsx``; the report does not give them."""

_SCORES = ("top1", "top5", "uar")


def table1(runs: Mapping[str, Sequence[Run]], audit: Audit, lookup: np.ndarray | None = None) -> pd.DataFrame:
    """Table 1: one row for each objective, then the two classifiers that look at no pixel.

    Parameters
    ----------
    runs : mapping of str to sequence of Run
        The runs of each objective, one for each seed. Of their ``metrics`` are read the shares ``top1``, ``top5``,
        ``uar`` and the number ``predicted_classes``; ``target`` says which classes are in validation.
    audit : Audit
        Of the same split.
    lookup : array (N,), optional
        What the clip look-up answers (:func:`mgutils.data.audit.trivial_answers`), for its UAR and its classes.

    Returns
    -------
    DataFrame
        Columns ``row, method, what, seeds, epochs``; ``top1, top1_min, top1_max`` and the same of ``top5`` and
        ``uar``, in percent; ``predicted_classes`` (mean over the seeds); ``iMiGUE_top1, iMiGUE_top5, iMiGUE_source``:
        what is known of the same row on the real images. Unknown numbers are NaN.

    Raises
    ------
    ConfigError
        If an objective has no runs.

    Taught in: 05, section 3.
    """
    rows = [_run_row(objective, group) for objective, group in runs.items()]
    rows.append(_constant_row(audit, [run for group in runs.values() for run in group]))
    uar, answered = np.nan, np.nan
    if lookup is not None:
        target = next(run.target for group in runs.values() for run in group)
        uar, answered = pd.Series(lookup == target).groupby(target).mean().mean(), len(np.unique(lookup))
    rows.append(_baseline_row("lookup", "Clip look-up", "answers the label that the clip has in the training set",
                              audit.lookup_top1, np.nan, uar, answered))
    return pd.DataFrame(rows)


def _constant_row(audit: Audit, runs: Sequence[Run]) -> dict[str, object]:
    """Of the constant class, whose recall is 1 where it is in validation, and that of all other classes 0."""
    uar = (audit.constant_top1 > 0) / len(np.unique(runs[0].target)) if runs else np.nan
    return _baseline_row("constant", "Constant class", "always answers the most common class of the training set",
                         audit.constant_top1, audit.constant_top5, uar, 1)


def _run_row(objective: str, group: Sequence[Run]) -> dict[str, object]:
    if not group:
        raise ConfigError(f"table 1: found no runs of {objective!r}; wanted at least one. Train it, or leave it out.")
    method = METHODS.get(objective, Method(objective, ""))
    row: dict[str, object] = {"row": objective, "method": method.name, "what": method.what, "seeds": len(group),
                              "epochs": group[0].config.train.epochs}
    for score in _SCORES:
        values = [100 * run.metrics[score] for run in group]
        row |= {score: np.mean(values), f"{score}_min": min(values), f"{score}_max": max(values)}
    reported = REPORTED.get(objective, (np.nan, np.nan))
    return row | {"predicted_classes": float(np.mean([run.metrics["predicted_classes"] for run in group])),
                  "iMiGUE_top1": reported[0], "iMiGUE_top5": reported[1],
                  "iMiGUE_source": "the report" if objective in REPORTED else ""}


def _baseline_row(row: str, name: str, what: str, top1: float, top5: float, uar: float,
                  answered: float) -> dict[str, object]:
    scores = {"top1": top1, "top5": top5, "uar": uar}
    spread = {f"{score}{end}": 100 * value for score, value in scores.items() for end in ("", "_min", "_max")}
    return {"row": row, "method": name, "what": what, "seeds": 0, "epochs": np.nan} | spread | {
        "predicted_classes": answered, "iMiGUE_top1": COUNTED[row][0], "iMiGUE_top5": COUNTED[row][1],
        "iMiGUE_source": "counted in the report's train.xlsx"}


def to_markdown(table: pd.DataFrame) -> str:
    """Table 1 for people: means in percent, the lowest and highest seed in brackets, a dash where nothing is known."""
    header = ["Method", "Epochs", "Top-1", "Top-5", "UAR", "Answered classes", "iMiGUE top-1", "iMiGUE top-5"]
    lines = []
    for _, row in table.iterrows():
        lines.append([row["method"], _number(row["epochs"], 0), *(_spread(row, score) for score in _SCORES),
                      _number(row["predicted_classes"], 0), _number(row["iMiGUE_top1"], 2),
                      _number(row["iMiGUE_top5"], 2)])
    notes = [f"* {row['method']}: {row['what']}." for _, row in table.iterrows() if row["what"]]
    seeds = sorted({int(count) for count in table["seeds"] if count})
    notes.append(f"* Percent; mean and (lowest to highest) over {' or '.join(map(str, seeds)) or 'no'} "
                 f"seed{'s' if seeds != [1] else ''}. UAR (unweighted average recall): the mean, over the "
                 "classes, of the share of a class's images that are answered right.")
    notes.append("* iMiGUE: the report's Table 1; for the two baselines, counted by us in the report's train.xlsx.")
    return markdown_table(header, lines, "lrrrrrrr") + "\n\n" + "\n".join(notes) + "\n"


def beside(groups: Sequence[Sequence[Run]], audits: Mapping[str, Audit] | None = None) -> str:
    """The scores of some objectives on some splits, as Markdown: means and (lowest to highest) over the seeds.

    Parameters
    ----------
    groups : sequence of sequence of Run
        Each the seeds of one objective on one split.
    audits : mapping of str to Audit, optional
        Of some of these splits: their constant class stands below.
    """
    rows = [_run_row(group[0].config.objective, group) | {"split": group[0].config.split} for group in groups]
    rows += [_constant_row(audit, next(group for group in groups if group[0].config.split == name)) | {"split": name}
             for name, audit in (audits or {}).items()]
    header = ["Method", "Split", "Epochs", "Top-1", "Top-5", "UAR"]
    lines = []
    for _, row in pd.DataFrame(rows).iterrows():
        lines.append([row["method"], row["split"], _number(row["epochs"], 0),
                      *(_spread(row, score) for score in _SCORES)])
    return markdown_table(header, lines, "llrrrr") + "\n"


def _spread(row: pd.Series, score: str) -> str:
    if row["seeds"] < 2 or np.isnan(row[score]):
        return _number(row[score], 1)
    return f"{row[score]:.1f} ({row[score + '_min']:.1f} to {row[score + '_max']:.1f})"


def _number(value: float, digits: int) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def write(table: pd.DataFrame, stem: Path | str) -> list[Path]:
    """Write a table as ``<stem>.md``, ``.csv`` and ``.json``; unknown numbers are empty, in JSON ``null``.

    Returns
    -------
    list of Path
        The three files.
    """
    stem = Path(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    files = [stem.with_name(stem.name + ending) for ending in (".md", ".csv", ".json")]
    files[0].write_text(to_markdown(table), encoding="utf-8")
    write_csv(table, files[1], float_format="%.6g")
    files[2].write_text(table.to_json(orient="records", indent=2, force_ascii=False) + "\n", encoding="utf-8")
    return files
