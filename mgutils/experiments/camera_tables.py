"""The tables of notebook 11, made of stored embeddings: probes, retrieval, fusion, autoencoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
import torch

from mgutils.data.items import present
from mgutils.data.splits import make_split, subjects_of
from mgutils.data.table import Dataset
from mgutils.evaluation.emergent import Embedded, embedded, tallies_of
from mgutils.evaluation.few_labels import DRAWS, few_of_each, linear_probe
from mgutils.evaluation.retrieval import retrieval_table, retrieval_tally
from mgutils.experiments.cameras import ANCHOR, OTHERS
from mgutils.experiments.generalization import tally_runs
from mgutils.metrics.cosine import cosine_similarity
from mgutils.metrics.intervals import SCORES, Score, Tally, accuracy, interval, tally
from mgutils.metrics.paired import paired
from mgutils.models.fusion import mean_of_probabilities
from mgutils.training.fusion import subsets
from mgutils.training.run import Run


def spaces_of(dataset: Dataset, runs: Sequence[Run]) -> list[dict[str, Embedded]]:
    """What each run made of the clips: modality to embeddings of training and of reported clips.

    Taught in: 11, section 4.
    """
    split = make_split(dataset, "official")
    subjects = dataset.frames["subject_id"].to_numpy()
    found = []
    for run in runs:
        names = run.config.model.modalities
        there = {name: present(dataset, name) for name in names}
        vectors = {name: run.arrays[name] for name in names}
        found.append(embedded(vectors, there, dataset.target, subjects, split.train, split.valid))
    return found


Question = tuple[str, str, int]
"""Modality, method and number of labels of each class (0: all)."""


def probe_tallies(dataset: Dataset, runs: Sequence[Run], shots: Sequence[int] = (5, 0), draws: int = 2,
                  names: Sequence[str] = ()) -> dict[Question, Tally]:
    """Right answers to every question to every modality of a group, or to those named, by run and person.

    See :func:`mgutils.evaluation.emergent.tallies_of`.

    Taught in: 11, section 4.
    """
    spaces, classes = spaces_of(dataset, runs), len(dataset.labels)
    anchor = runs[0].config.model.modalities[0]
    return {(name, *question): table for name in names or spaces[0]
            for question, table in tallies_of(spaces, name, anchor, classes, shots, draws).items()}


def probe_table(groups: Mapping[str, Mapping[Question, Tally]], *, bootstrap: int = 1000) -> pd.DataFrame:
    """Scores of every group: ``group, modality, method, shots, score, value, low, high``.

    Taught in: 11, section 4.
    """
    rows = []
    for group, tallies in groups.items():
        for (name, method, shots), table in tallies.items():
            for score, function in SCORES.items():
                rows.append({"group": group, "modality": name, "method": method, "shots": shots, "score": score,
                             **asdict(interval(table, function, draws=bootstrap))})
    return pd.DataFrame(rows)


def probe_differences(groups: Mapping[str, Mapping[Question, Tally]], first: str, second: str) -> pd.DataFrame:
    """The second group less the first, paired by seed and person, for every question that both were asked.

    Returns
    -------
    DataFrame
        ``modality, method, shots, score, difference, low, high, p, shown``.

    Taught in: 11, section 4.
    """
    rows = []
    for question, table in groups[second].items():
        if question in groups[first]:
            for score, function in SCORES.items():
                rows.append(dict(zip(("modality", "method", "shots"), question, strict=True)) | {
                    "score": score, **difference(groups[first][question], table, function)})
    return pd.DataFrame(rows)


def difference(first: Tally, second: Tally, score: Score) -> dict[str, float | bool]:
    """The second less the first, paired by seed and person: ``difference, low, high, p, shown``."""
    found = paired(first, second, score)
    return {"difference": found.value, "low": found.low, "high": found.high, "p": found.p, "shown": found.shown}


def retrievals(dataset: Dataset, groups: Mapping[str, Sequence[Run]], *, bootstrap: int = 1000) -> pd.DataFrame:
    """Each modality asked for the clips of each other one, on people that no run has seen.

    Returns
    -------
    DataFrame
        ``group`` and the columns of :func:`mgutils.evaluation.retrieval.retrieval_table`.

    Taught in: 11, section 5.
    """
    split = make_split(dataset, "official")
    rows = split.valid
    tables = []
    for name, runs in groups.items():
        names = runs[0].config.model.modalities
        vectors = [{modality: run.arrays[modality][rows] for modality in names} for run in runs]
        there = {modality: present(dataset, modality)[rows] for modality in names}
        tables.append(retrieval_table(vectors, there, subjects_of(dataset, rows), draws=bootstrap).assign(group=name))
    return pd.concat(tables, ignore_index=True)


def retrieval_difference(dataset: Dataset, first: Sequence[Run], second: Sequence[Run], query: str,
                         item: str) -> dict[str, float | bool]:
    """R@1 of the second group less that of the first, paired.

    Taught in: 11, section 5.
    """
    rows = make_split(dataset, "official").valid
    rows = rows[present(dataset, query)[rows] & present(dataset, item)[rows]]
    right = np.eye(len(rows), dtype=bool)

    def table(runs: Sequence[Run]) -> Tally:
        found = [cosine_similarity(run.arrays[query][rows], run.arrays[item][rows]) for run in runs]
        return retrieval_tally(found, right, subjects_of(dataset, rows))

    return difference(table(first), table(second), accuracy)


# -- fusion ------------------------------------------------------------------------------------------------------------


def fusion_answers(dataset: Dataset, stars: Sequence[Run], heads: Mapping[str, Sequence[Run]]
                   ) -> dict[tuple[str, tuple[str, ...]], Tally]:
    """Right answers of every head for every subset of the modalities, and of heads that were not trained together.

    The mean of the probabilities of single probes stands beside the trained heads, as ``mean of probabilities``.
    """
    names = (ANCHOR, *OTHERS)
    split = make_split(dataset, "official")
    target, people, classes = dataset.target[split.valid], subjects_of(dataset, split.valid), len(dataset.labels)
    choices = [tuple(np.array(names)[choice]) for choice in subsets(len(names))]
    answers: dict[tuple[str, tuple[str, ...]], list[np.ndarray]] = {}
    for head, runs in heads.items():
        for run in runs:
            for choice, logits in zip(choices, run.arrays["subsets"], strict=True):
                answers.setdefault((head, choice), []).append(logits.argmax(axis=1))
    there = np.stack([present(dataset, name) for name in names], axis=1)  # (N, M)
    for run in stars:
        single = []
        for name, has in zip(names, there.T, strict=True):
            train = split.train[has[split.train]]
            vectors = run.arrays[name]
            single.append(linear_probe(vectors[train], dataset.target[train], vectors[split.valid], classes))
        logits = torch.from_numpy(np.stack(single, axis=1))  # (N, M, C)
        for choice, chosen in zip(choices, subsets(len(names)), strict=True):
            mean = mean_of_probabilities(logits, torch.from_numpy(there[split.valid] & chosen))
            answers.setdefault(("mean of probabilities", choice), []).append(mean.numpy().argmax(axis=1))
    return {key: tally(np.stack(found), target, people, classes) for key, found in answers.items()}


def fusion_table(answers: Mapping[tuple[str, tuple[str, ...]], Tally], *, bootstrap: int = 1000) -> pd.DataFrame:
    """Scores of :func:`fusion_answers`: ``head, there`` (joined by +), ``count, score, value, low, high``.

    Taught in: 11, section 6.
    """
    rows = []
    for (head, choice), table in answers.items():
        for score, function in SCORES.items():
            rows.append({"head": head, "there": " + ".join(choice), "count": len(choice), "score": score,
                         **asdict(interval(table, function, draws=bootstrap))})
    return pd.DataFrame(rows)


# -- masked autoencoders -----------------------------------------------------------------------------------------------


def own_scores(dataset: Dataset, groups: Mapping[str, Sequence[Run]], *, bootstrap: int = 1000) -> pd.DataFrame:
    """What runs answered themselves, on their own reported clips: ``group, score, value, low, high, clips``.

    Taught in: 11, section 7.
    """
    rows = []
    for name, runs in groups.items():
        table = tally_runs(dataset, runs)
        for score, function in SCORES.items():
            rows.append({"group": name, "score": score, "clips": len(runs[0].target),
                         **asdict(interval(table, function, draws=bootstrap))})
    return pd.DataFrame(rows)


def frozen_probe(dataset: Dataset, run: Run, modality: str, shots: int = 0, draws: int = DRAWS) -> Tally:
    """A linear probe on a run's stored embeddings of one modality."""
    split, there = make_split(dataset, "official"), present(dataset, modality)
    train, valid = (rows[there[rows]] for rows in (split.train, split.valid))
    vectors, target, classes = run.arrays[modality], dataset.target[train], len(dataset.labels)
    found = [linear_probe(vectors[train][rows], target[rows], vectors[valid], classes).argmax(axis=1)
             for rows in few_of_each(target, shots, draws, 0)]
    table = tally(np.stack(found), dataset.target[valid], subjects_of(dataset, valid), classes)
    return Tally(table.hits.mean(axis=0, keepdims=True), table.counts)


def guessed_pictures(dataset: Dataset, right: Run, scrambled: Run, row: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """One clip as two autoencoders see it: (seen, guessed, true, guessed by the scrambled one), each (T, C, S, S).

    Taught in: 11, section 7.
    """
    import torch

    from mgutils.data.modalities import ModalityReader, middle
    from mgutils.evaluation.space import load_masked
    from mgutils.training.masked import MASKS

    found = []
    for run in (right, scrambled):
        network, settings = load_masked(run.directory), run.config.model
        reader = ModalityReader.open(dataset, (settings.camera,), settings.frames)
        clip = reader(np.array([row]), middle((settings.camera,), 1, settings.frames)).inputs[settings.camera]
        hidden = MASKS[settings.mask](1, network.grid, settings.ratio, torch.Generator().manual_seed(seed))
        found.append(network.pictures(torch.from_numpy(clip), hidden, settings.scrambled))
    first, second = found
    return tuple(part[0].numpy() for part in (first.seen, first.guessed, first.true, second.guessed))
