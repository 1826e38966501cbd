"""What a frozen anchor gave to a modality of one's own: the numbers of the page that `mg bind` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mgutils.data.splits import subjects_of
from mgutils.evaluation.emergent import Embedded, embedded, tallies_of
from mgutils.evaluation.retrieval import retrieval_tally
from mgutils.metrics.cosine import cosine_similarity
from mgutils.metrics.intervals import Score, Tally, accuracy, interval, mean_recall
from mgutils.metrics.paired import paired
from mgutils.training.run import Run

if TYPE_CHECKING:
    from mgutils.experiments.bind import Binding

TRAINED, RANDOM = "trained anchor", "random anchor"
"""The two groups of runs."""
LESS = "trained less random"
CONSTANT, ITSELF, CHANCE = "constant", "the anchor itself", "chance"
RETRIEVAL = "retrieval"
SCORES: dict[str, Score] = {"uar": mean_recall, "top1": accuracy}
SHOTS, DRAWS, BOOTSTRAP = (5, 0), 3, 10_000
Question = tuple[str, int]
"""Method, and labels of each class; 0: all."""


def bind_table(found: Binding, *, bootstrap: int = BOOTSTRAP) -> pd.DataFrame:
    """Every number of the page of results.

    Returns
    -------
    DataFrame
        ``modality, anchor, method, shots, score, clips, value, low, high, p, verdict``. ``constant`` comes first;
        those of the anchor itself are asked of its own embeddings. ``trained less random`` is the paired difference,
        with its verdict: ``shown``, ``not shown``, or ``shown the other way round``. Of ``retrieval`` the score is
        R@1, clips of the new modality asking for their own among the anchor's.
    """
    classes = len(found.dataset.labels)
    spaces = {group: [_spaces(found, run) for run in runs] for group, runs in found.groups.items()}
    tables = {group: tallies_of(each, found.name, found.anchor, classes, SHOTS, DRAWS)
              for group, each in spaces.items()}
    itself = tallies_of(spaces[TRAINED][:1], found.anchor, found.anchor, classes, SHOTS, DRAWS)
    constant, *_ = [tallies.pop((CONSTANT, 0)) for tallies in (*tables.values(), itself)]
    rows = _rows(found.name, CONSTANT, {(CONSTANT, 0): constant}, bootstrap)
    for group, tallies in tables.items():
        rows += _rows(found.name, group, tallies, bootstrap)
    rows += _rows(found.anchor, ITSELF, itself, bootstrap)
    for (method, shots), table in tables[TRAINED].items():
        for score, function in SCORES.items():
            rows.append(_difference(found.name, method, shots, score, tables[RANDOM][method, shots], table, function))
    return pd.DataFrame(rows + _retrieval_rows(found, bootstrap))


def _spaces(found: Binding, run: Run) -> dict[str, Embedded]:
    """What a run made of the clips: of both modalities, those to learn from and those to ask."""
    subjects = subjects_of(found.dataset, np.arange(len(found.dataset)))
    vectors = {name: run.arrays[name] for name in (found.anchor, found.name)}
    return embedded(vectors, found.there, found.dataset.target, subjects, found.split.train, found.split.valid)


def _rows(modality: str, anchor: str, tallies: Mapping[Question, Tally], bootstrap: int) -> list[dict[str, Any]]:
    return [{"modality": modality, "anchor": anchor, "method": method, "shots": shots, "score": score,
             "clips": int(table.counts.sum()), **asdict(interval(table, function, draws=bootstrap))}
            for (method, shots), table in tallies.items() for score, function in SCORES.items()]


def _difference(modality: str, method: str, shots: int, score: str, first: Tally, second: Tally,
                function: Score) -> dict[str, Any]:
    """The second less the first, paired by seed and person."""
    result = paired(first, second, function)
    verdict = "not shown" if not result.shown else "shown" if result.value > 0 else "shown the other way round"
    return {"modality": modality, "anchor": LESS, "method": method, "shots": shots, "score": score,
            "clips": int(first.counts.sum()), "value": result.value, "low": result.low, "high": result.high,
            "p": result.p, "verdict": verdict}


def _retrieval_rows(found: Binding, bootstrap: int) -> list[dict[str, Any]]:
    """R@1 from the new modality to the anchor, among the reported clips that have both."""
    rows = found.split.valid[np.logical_and(*(there[found.split.valid] for there in found.there.values()))]
    right = np.eye(len(rows), dtype=bool)
    subjects = subjects_of(found.dataset, rows)

    def table(runs: Sequence[Run]) -> Tally:
        alike = [cosine_similarity(run.arrays[found.name][rows], run.arrays[found.anchor][rows]) for run in runs]
        return retrieval_tally(alike, right, subjects)

    tables = {group: table(runs) for group, runs in found.groups.items()}
    same = {"modality": found.name, "method": RETRIEVAL, "shots": 0, "score": "r1", "clips": len(rows)}
    made = [same | {"anchor": CHANCE, "value": 1 / len(rows)}]
    made += [same | {"anchor": group, **asdict(interval(each, accuracy, draws=bootstrap))}
             for group, each in tables.items()]
    return [*made, _difference(found.name, RETRIEVAL, 0, "r1", tables[RANDOM], tables[TRAINED], accuracy)]
