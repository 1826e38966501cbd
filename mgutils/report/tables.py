"""The report's Table 1 with what it lacks: seeds, UAR, two baselines, two controls.

All scores in a table are percentages. Figures of the same numbers are in ``figures.results``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from mgutils.data.csv import write_csv
from mgutils.report.markdown import markdown_table

if TYPE_CHECKING:
    from mgutils.data.audit import Audit
    from mgutils.training.run import Run


class Method(NamedTuple):
    """How a row of the table is called, and what it is."""

    name: str
    what: str


METHODS = {
    "report_ce": Method(
        "Cross-entropy (report)",
        "cross entropy to soft targets made of the batch's similarities; no L2 norm, "
        "temperature 0.05",
    ),
    "report_js": Method(
        "JS divergence (report)",
        "forward KL to softmax(10 x label matrix); no L2 norm, temperature 0.05",
    ),
    "sound_ce": Method(
        "Cross-entropy (sound control)",
        "cross entropy to the identity, as CLIP has it; L2 norm, temperature 0.07",
    ),
    "sound_js": Method(
        "JS divergence (sound control)",
        "Jensen-Shannon divergence to the row-normalised label matrix; L2 norm, temperature 0.07",
    ),
    "constant": Method(
        "Constant class",
        "always answers the most common class of the training set",
    ),
    "lookup": Method(
        "Clip look-up",
        "answers the label that the clip has in the training set",
    ),
}
"""The objectives in :data:`mgutils.config.OBJECTIVES`, and the classifiers that see no pixel."""

REPORTED = {"report_ce": (22.54, 27.71), "report_js": (81.13, 94.33)}
"""Top-1 and top-5 in the report's Table 1, in percent."""

COUNTED = {"constant": (27.27, 60.8), "lookup": (96.57, np.nan)}
"""The two baselines on the report's own split, counted in its ``train.xlsx``; the report does not
give them."""

_SCORES = ("top1", "top5", "uar")


def table1(runs: Mapping[str, Sequence[Run]], audit: Audit,
           lookup: np.ndarray | None = None) -> pd.DataFrame:
    """Table 1: one row for each objective, then the two classifiers that look at no pixel.

    Parameters
    ----------
    runs : mapping of str to sequence of Run
        The runs of each objective, one for each seed. Of their ``metrics`` are read the shares
        ``top1``, ``top5``, ``uar`` and the number ``predicted_classes``; ``target`` says which
        classes are in validation.
    audit : Audit
        Of the same split.
    lookup : array (N,), optional
        What the clip look-up answers (:func:`mgutils.data.audit.trivial_answers`), for its UAR and
        its classes.

    Returns
    -------
    DataFrame
        Columns ``row, method, what, seeds, epochs``; ``top1, top1_min, top1_max`` and the same of
        ``top5`` and ``uar``, in percent; ``predicted_classes`` (mean over the seeds);
        ``iMiGUE_top1, iMiGUE_top5, iMiGUE_source``: what is known of the same row on the real
        images. Unknown numbers are NaN.

    Taught in: 07, section 3.
    """
    rows = [_run_row(objective, group) for objective, group in runs.items()]
    target = next(run.target for group in runs.values() for run in group)
    rows.append(_constant_row(audit, target))
    uar = np.nan
    answered = np.nan
    if lookup is not None:
        uar = pd.Series(lookup == target).groupby(target).mean().mean()
        answered = len(np.unique(lookup))
    rows.append(_row("lookup", [_metrics(audit.lookup_top1, np.nan, uar, answered)]))
    return pd.DataFrame(rows)


def _run_row(objective: str, group: Sequence[Run]) -> dict[str, Any]:
    epochs = group[0].config.train.epochs
    return _row(objective, [run.metrics for run in group], len(group), epochs)


def _constant_row(audit: Audit, target: np.ndarray) -> dict[str, Any]:
    """Of the constant class, whose recall is 1 where it is in validation, and else 0."""
    uar = (audit.constant_top1 > 0) / len(np.unique(target))
    return _row("constant", [_metrics(audit.constant_top1, audit.constant_top5, uar, 1)])


def _metrics(top1: float, top5: float, uar: float, predicted_classes: float) -> dict[str, float]:
    return {"top1": top1, "top5": top5, "uar": uar, "predicted_classes": predicted_classes}


def _row(name: str, metrics: Sequence[Mapping[str, float]], seeds: int = 0,
         epochs: float = np.nan) -> dict[str, Any]:
    """A row from the metrics of each seed."""
    method = METHODS[name]
    row = {"row": name, "method": method.name, "what": method.what, "seeds": seeds, "epochs": epochs}
    for score in _SCORES:
        values = [100 * one[score] for one in metrics]
        row[score] = np.mean(values)
        row[f"{score}_min"] = min(values)
        row[f"{score}_max"] = max(values)
    row["predicted_classes"] = float(np.mean([one["predicted_classes"] for one in metrics]))
    known = REPORTED | COUNTED
    row["iMiGUE_top1"], row["iMiGUE_top5"] = known.get(name, (np.nan, np.nan))
    source = "the report" if name in REPORTED else "counted in the report's train.xlsx"
    row["iMiGUE_source"] = source if name in known else ""
    return row


def to_markdown(table: pd.DataFrame) -> str:
    """Table 1 for people: means in percent, the lowest and highest seed in brackets.

    A dash stands where nothing is known.
    """
    header = ["Method", "Epochs", "Top-1", "Top-5", "UAR", "Answered classes", "iMiGUE top-1",
              "iMiGUE top-5"]
    lines = []
    for _, row in table.iterrows():
        lines.append([
            row["method"],
            *_cells(row),
            _number(row["predicted_classes"], 0),
            _number(row["iMiGUE_top1"], 2),
            _number(row["iMiGUE_top5"], 2),
        ])
    seeds = max(table["seeds"])
    notes = [f"* {row.method}: {row.what}." for row in table.itertuples()]
    notes.append(f"* Percent; mean and (lowest to highest) over {seeds} seed{'s' * (seeds > 1)}. "
                 "UAR (unweighted average recall): the mean, over the classes, of the share of a "
                 "class's images that are answered right.")
    notes.append("* iMiGUE: the report's Table 1; for the two baselines, counted by us in the "
                 "report's train.xlsx.")
    return "\n".join([markdown_table(header, lines, "lrrrrrrr"), "", *notes, ""])


def beside(groups: Sequence[Sequence[Run]], audits: Mapping[str, Audit] | None = None) -> str:
    """The scores of some objectives on some splits, as Markdown.

    Means and (lowest to highest) over the seeds.

    Parameters
    ----------
    groups : sequence of sequence of Run
        Each the seeds of one objective on one split.
    audits : mapping of str to Audit, optional
        Of some of these splits: their constant class stands below.
    """
    rows = []
    target = {}
    for group in groups:
        config = group[0].config
        rows.append((config.split, _run_row(config.objective, group)))
        target[config.split] = group[0].target
    for split, audit in (audits or {}).items():
        rows.append((split, _constant_row(audit, target[split])))
    lines = [[row["method"], split, *_cells(row)] for split, row in rows]
    header = ["Method", "Split", "Epochs", "Top-1", "Top-5", "UAR"]
    return markdown_table(header, lines, "llrrrr") + "\n"


def _cells(row: Mapping[str, Any]) -> list[str]:
    """Epochs and scores, each score with its spread over the seeds."""
    cells = [_number(row["epochs"], 0)]
    for score in _SCORES:
        spread = f" ({row[f'{score}_min']:.1f} to {row[f'{score}_max']:.1f})"
        cells.append(_number(row[score], 1) + spread * (row["seeds"] > 1))
    return cells


def _number(value: float, digits: int) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def write(table: pd.DataFrame, stem: Path | str) -> None:
    """Write a table as ``<stem>.md``, ``.csv`` and ``.json``; unknown numbers are empty, ``null``."""
    stem = Path(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".md").write_text(to_markdown(table), encoding="utf-8")
    write_csv(table, stem.with_suffix(".csv"), float_format="%.6g")
    plain = table.to_json(orient="records", indent=2, force_ascii=False)
    stem.with_suffix(".json").write_text(plain + "\n", encoding="utf-8")
