"""What a finished space makes of a folder of clips: probes of each modality, and retrieval across them.

Both report the clips of the run's own split, people that it did not learn from where that is a split
by people. The questions themselves are in :mod:`mgutils.evaluation.emergent` and
:mod:`mgutils.evaluation.retrieval`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.config import Protocol, SplitName
from mgutils.config.space import TABLES
from mgutils.data.protocol import probed_split
from mgutils.data.splits import Split, subjects_of
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.evaluation.embed import warn_of_seen
from mgutils.evaluation.emergent import SHOTS, embedded, space_table
from mgutils.evaluation.few_labels import DRAWS
from mgutils.evaluation.retrieval import GroupBy, check_ties, ordered_pairs, retrieval_table
from mgutils.evaluation.space import LoadedSpace, embed_all, load_space, table_vectors
from mgutils.metrics.ranks import Ties
from mgutils.training.config_file import check_task, read_config
from mgutils.training.inputs import input_kind, load_array
from mgutils.training.whole import check_run

BOOTSTRAP = 2000
"""Draws of people for an interval: those of notebook 11's tables, too."""


def probe_clips(run_dir: Path | str, dataset: Dataset, *, split: SplitName | None = None,
                protocol: Protocol | None = None, shots: Sequence[int] = SHOTS, draws: int = DRAWS,
                seed: int = 0) -> pd.DataFrame:
    """Embed a folder of clips with a run, and ask each modality for the classes.

    Parameters
    ----------
    run_dir : path
        Folder of an alignment; or of a masked autoencoder, whose one camera is then its own anchor.
    dataset : Dataset
        Of clips.
    split, protocol : str, Protocol, optional
        See :func:`mgutils.data.protocol.probed_split`.
    shots, draws, seed
        See :func:`mgutils.evaluation.emergent.answer`.

    Returns
    -------
    DataFrame
        See :func:`mgutils.evaluation.emergent.space_table`.

    Raises
    ------
    ConfigError, CheckpointError, DataError
        As :func:`mgutils.evaluation.space.embed_clips`.
    """
    space, parts = _open(run_dir, dataset, split, protocol)
    found = embed_all(space, dataset)
    subjects = subjects_of(dataset, np.arange(len(dataset)))
    spaces = embedded(*found, dataset.target, subjects, parts.train, parts.valid)
    for name, part in spaces.items():
        classes = len(np.unique(part.train_target))
        if classes < 2 or not len(part.valid):
            raise ConfigError(f"{name}: found {len(part.train)} clips of {classes} classes to learn from and "
                              f"{len(part.valid)} to ask; wanted at least two classes, and one clip. Choose another "
                              "split, or give more clips.")
    return space_table([spaces], space.modalities[0], len(dataset.labels), shots, draws=draws,
                       seed=seed, bootstrap=BOOTSTRAP)


def retrieve_clips(run_dir: Path | str, dataset: Dataset, *, query: str = "", item: str = "",
                   group_by: GroupBy = "clip", ties: Ties = "expected",
                   split: SplitName | None = None, protocol: Protocol | None = None) -> pd.DataFrame:
    """Embed a folder of clips with an alignment run, and ask modalities for the clips of others.

    Parameters
    ----------
    run_dir : path
        Folder of an alignment.
    dataset : Dataset
        Of clips.
    query, item : str
        A modality of the run; or ``class`` or ``caption``, if it has pairs with that. Every one of its
        modalities if not given.
    group_by : {"clip", "caption"}
        A clip is right for itself alone, or for all with its caption, which is that of its class.
    ties : {"expected", "optimistic", "pessimistic", "original"}
        See :mod:`mgutils.metrics.ranks`.
    split, protocol : str, Protocol, optional
        See :func:`mgutils.data.protocol.probed_split`.

    Returns
    -------
    DataFrame
        See :func:`mgutils.evaluation.retrieval.retrieval_table`.

    Raises
    ------
    ConfigError
        If a name is unknown, no two modalities are left, no clip has both, or the original's ties are
        to count several right clips.
    CheckpointError, DataError
        As :func:`mgutils.evaluation.space.embed_clips`.
    """
    check_ties(ties, group_by)
    check_task(read_config(Path(run_dir) / "config.json"), run_dir, "alignment")
    space, parts = _open(run_dir, dataset, split, protocol)
    pairs = ordered_pairs(space.modalities, space.config.model.tables, query, item)
    asked = [name for name in TABLES if any(name in pair for pair in pairs)]
    if asked and space.labels.names != dataset.labels.names:
        raise ConfigError(f"{run_dir}: found a run on {len(space.labels)} classes, which are not the "
                          f"{len(dataset.labels)} of {dataset.root}; wanted the same for {asked[0]!r}. Ask for "
                          "modalities, or give data with the same Clip_label.csv.")
    rows = parts.valid
    vectors, present = embed_all(space, dataset)
    vectors |= {name: table_vectors(space, name, dataset.target) for name in asked}
    present |= {name: np.ones(len(dataset), dtype=bool) for name in asked}
    groups = None
    if group_by == "caption":
        groups = np.unique(dataset.labels.names, return_inverse=True)[1][dataset.target[rows]]
    return retrieval_table(
        [{name: part[rows] for name, part in vectors.items()}],
        {name: part[rows] for name, part in present.items()},
        subjects_of(dataset, rows), groups, pairs=pairs, ties=ties, draws=BOOTSTRAP)


def _open(run_dir: Path | str, dataset: Dataset, split: SplitName | None,
          protocol: Protocol | None) -> tuple[LoadedSpace, Split]:
    """The space of a run and the rows to learn from and to report; warns of rows that the run has seen."""
    run_dir = Path(run_dir)
    check_run(run_dir, ("config.json", "best.safetensors"), hashes=True)
    space = load_space(run_dir)
    parts = probed_split(dataset, space.config, split, protocol or Protocol())
    arrays = load_array(dataset, input_kind(space.config), space.cache_dir)
    warn_of_seen(run_dir, space.config, dataset, arrays, parts.valid)
    return space, parts
