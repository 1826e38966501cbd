"""Commands that ask what an encoder has learned, without training it further."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mgutils.cli.paths import IMAGES, need_dataset, need_run
from mgutils.config import Protocol, RunConfig, SplitName
from mgutils.errors import ConfigError
from mgutils.training.config_file import read_config

if TYPE_CHECKING:
    import pandas as pd

    from mgutils.data.table import Dataset


@dataclass(frozen=True)
class Probe:
    """Score a linear probe and nearest neighbours on an encoder's embeddings, from 1 image or clip a class to all."""

    encoder: Annotated[str, tyro.conf.Positional]
    """Folder that `mg train` left, of clips also an alignment or a masked one; or the timm name of an encoder."""
    data_root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset."""
    split: SplitName | None = None
    """The run's own if not given; for an encoder by name by subject, or by frame where nobody knows the subjects."""
    protocol: Protocol = Protocol()
    """A fold, or a group by its name, in place of a single split; the run's own if not given."""
    shots: tuple[int, ...] = (1, 2, 5, 10)
    """Training images, or clips, of each class; all of them come last."""
    draws: int = 3
    """Draws of so few."""
    image_size: int = 0
    """Side of the images in pixels; 0: the run's own, or 224."""
    seed: int = 0
    """Of the draws."""
    out_dir: Path = Path("probe")
    """Where few_shot.csv goes; of clips, probe.csv."""

    def run(self) -> None:
        need_dataset(self.data_root)
        if min(*self.shots, self.draws, 1) < 1:
            raise ConfigError(f"shots, draws: found {list(self.shots)} and {self.draws}; wanted numbers from 1 on.")

        file = Path(self.encoder) / "config.json"
        config = read_config(file) if file.exists() else None
        if config is not None:
            need_run(Path(self.encoder), *IMAGES, "alignment", "masked")

        from mgutils.data.protocol import probed_split
        from mgutils.training.inputs import input_kind, read_rows

        kind = 0 if config is None else input_kind(config)
        dataset = read_rows(self.data_root, kind)
        # what cannot be split is told before torch is imported
        probed_split(dataset, config, self.split, self.protocol)
        asked = {"split": self.split, "protocol": self.protocol, "shots": self.shots, "draws": self.draws,
                 "seed": self.seed}
        if isinstance(kind, tuple):
            from mgutils.evaluation.space_tables import probe_clips

            table = probe_clips(self.encoder, dataset, **asked | {"shots": (*self.shots, 0)})
            write_table(table, self.out_dir / "probe.csv")
            shown = _one_row_each(table)
        else:
            from mgutils.evaluation.few_shot import probe_encoder

            table = probe_encoder(self.encoder, dataset, image_size=self.image_size, **asked)
            write_table(table, self.out_dir / "few_shot.csv")
            shown = table
        shown = shown.assign(shots=shown["shots"].replace(0, "all").astype(str))
        print(shown.to_string(index=False, formatters=dict.fromkeys(("top1", "low", "high", "uar"), "{:.1%}".format)))


def _one_row_each(table: pd.DataFrame) -> pd.DataFrame:
    """A table of :mod:`mgutils.evaluation.emergent` with both scores in one row, and the interval of the first."""
    top1 = table[table["score"] == "top1"].rename(columns={"value": "top1"}).drop(columns="score")
    return top1.assign(uar=table.loc[table["score"] == "uar", "value"].to_numpy())


def write_table(table: pd.DataFrame, file: Path) -> None:
    """Write a table in one piece."""
    from mgutils.data.csv import write_csv
    from mgutils.files import atomic_file

    with atomic_file(file) as aside:
        write_csv(table, aside)


@dataclass(frozen=True)
class Retrieve:
    """Ask the space of an alignment run for the clips of one modality, given those of another, or a sentence."""

    run_dir: Annotated[Path, tyro.conf.Positional]
    """Folder that `mg train --task alignment` or video-text left."""
    data_root: Annotated[Path, tyro.conf.Positional]
    """Folder of the clips."""
    query: str = ""
    """A modality of the run, or class or caption if it has pairs with that; if not given, each of its modalities."""
    item: str = ""
    """Likewise, what is searched."""
    group_by: Literal["clip", "caption"] = "clip"
    """What is right: the same clip, or any clip with the same caption."""
    within: Literal["all", "class"] = "all"
    """class: search for each clip among those of its class, by its own sentence (runs with sentences)."""
    text: str = ""
    """List the clips that are nearest to this sentence (runs with sentences)."""
    ties: Literal["expected", "optimistic", "pessimistic", "original"] = "expected"
    """How equal scores are ordered: at random, the right clip first, last, or as the original counts."""
    split: SplitName | None = None
    """Whose reported clips are asked for and searched; the run's own if not given."""
    protocol: Protocol = Protocol()
    """A fold, or a group by its name, in place of a single split; the run's own if not given."""
    out_dir: Path = Path("retrieval")
    """Where retrieval.csv goes."""

    def run(self) -> None:
        need_run(self.run_dir, "alignment")
        need_dataset(self.data_root)
        config = read_config(self.run_dir / "config.json")

        from mgutils.data.protocol import probed_split
        from mgutils.evaluation.retrieval import check_ties, ordered_pairs
        from mgutils.training.inputs import input_kind, read_rows

        if self.text or self.within == "class":
            self.check_told(config)
        else:
            check_ties(self.ties, self.group_by)
            ordered_pairs(config.model.modalities, config.model.tables, self.query, self.item)
        dataset = read_rows(self.data_root, input_kind(config))
        probed_split(dataset, config, self.split, self.protocol)

        table = self.search(dataset)
        write_table(table, self.out_dir / "retrieval.csv")
        percent = dict.fromkeys(("chance", "r1", "low", "high", "r5", "r10", "percentile", "percentile_low",
                                 "percentile_high"), "{:.1%}".format)
        ranks = dict.fromkeys(("median_rank", "mean_rank"), "{:.1f}".format) | {"cosine": "{:.3f}".format}
        print(table.to_string(index=False, formatters=percent | ranks, na_rep="-"))

    def check_told(self, config: RunConfig) -> None:
        """Refuse a run without sentences, and options that a search by sentences does not read."""
        from mgutils.evaluation.questions import sentences_of, video_of

        sentence, video = sentences_of(config).name, video_of(config)
        ignored = (self.group_by, self.ties) != ("clip", "expected")
        wrong = self.query not in ("", sentence) or self.item not in ("", video)
        if ignored or wrong or (self.text and self.within == "class"):
            raise ConfigError("retrieve: found other options beside --text or --within class; wanted one of the two, "
                              f"with --query {sentence} and --item {video} at most.")

    def search(self, dataset: Dataset) -> pd.DataFrame:
        """The table that is asked for."""
        reported = {"split": self.split, "protocol": self.protocol}
        if self.text or self.within == "class":
            from mgutils.evaluation.video_text_tables import nearest_clips, within_classes

            if self.text:
                return nearest_clips(self.run_dir, dataset, self.text, **reported)
            return within_classes(self.run_dir, dataset, **reported)
        from mgutils.evaluation.space_tables import retrieve_clips

        return retrieve_clips(self.run_dir, dataset, query=self.query, item=self.item, group_by=self.group_by,
                              ties=self.ties, **reported)
