"""Commands that ask what an encoder has learned, without training it further."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mgutils.cli.paths import IMAGES, need_dataset, need_run
from mgutils.config import Protocol, SplitName
from mgutils.errors import ConfigError
from mgutils.training.config_file import read_config

if TYPE_CHECKING:
    import pandas as pd


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
            _write(table, self.out_dir / "probe.csv")
            shown = _one_row_each(table)
        else:
            from mgutils.evaluation.few_shot import probe_encoder

            table = probe_encoder(self.encoder, dataset, image_size=self.image_size, **asked)
            _write(table, self.out_dir / "few_shot.csv")
            shown = table
        shown = shown.assign(shots=shown["shots"].replace(0, "all").astype(str))
        print(shown.to_string(index=False, formatters=dict.fromkeys(("top1", "low", "high", "uar"), "{:.1%}".format)))


def _one_row_each(table: pd.DataFrame) -> pd.DataFrame:
    """A table of :mod:`mgutils.evaluation.emergent` with both scores in one row, and the interval of the first."""
    top1 = table[table["score"] == "top1"].rename(columns={"value": "top1"}).drop(columns="score")
    return top1.assign(uar=table.loc[table["score"] == "uar", "value"].to_numpy())


def _write(table: pd.DataFrame, file: Path) -> None:
    from mgutils.data.csv import write_csv
    from mgutils.files import atomic_file

    with atomic_file(file) as aside:
        write_csv(table, aside)


@dataclass(frozen=True)
class Retrieve:
    """Ask the space of an alignment run for the clips of one modality, given those of another."""

    run_dir: Annotated[Path, tyro.conf.Positional]
    """Folder that `mg train --task alignment` left."""
    data_root: Annotated[Path, tyro.conf.Positional]
    """Folder of the clips."""
    query: str = ""
    """A modality of the run, or class or caption if it has pairs with that; if not given, each of its modalities."""
    item: str = ""
    """Likewise, what is searched."""
    group_by: Literal["clip", "caption"] = "clip"
    """What is right: the same clip, or any clip with the same caption."""
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

        check_ties(self.ties, self.group_by)
        ordered_pairs(config.model.modalities, config.model.tables, self.query, self.item)
        dataset = read_rows(self.data_root, input_kind(config))
        probed_split(dataset, config, self.split, self.protocol)

        from mgutils.evaluation.space_tables import retrieve_clips

        table = retrieve_clips(self.run_dir, dataset, query=self.query, item=self.item, group_by=self.group_by,
                               ties=self.ties, split=self.split, protocol=self.protocol)
        _write(table, self.out_dir / "retrieval.csv")
        percent = dict.fromkeys(("chance", "r1", "low", "high", "r5", "r10"), "{:.1%}".format)
        ranks = dict.fromkeys(("median_rank", "mean_rank"), "{:.1f}".format)
        print(table.to_string(index=False, formatters=percent | ranks, na_rep="-"))


@dataclass(frozen=True)
class ZeroShotCommand:
    """Score classes without training images, by their text alone."""

    run_dir: Annotated[Path, tyro.conf.Positional]
    """Folder that `mg train` left."""
    data_root: Annotated[Path | None, tyro.conf.Positional] = None
    """A dataset of other classes; if not given, those that the run left out (`mg train --left-out`)."""

    def run(self) -> None:
        need_run(self.run_dir, *IMAGES)
        if self.data_root is not None:
            need_dataset(self.data_root)

        from mgutils.data.table import read_dataset
        from mgutils.evaluation.new_classes import score_texts
        from mgutils.evaluation.zero_shot import MOST, label_permutation_test, zero_shot
        from mgutils.training.run import Run

        if self.data_root is None:
            result = zero_shot(Run(self.run_dir))
        else:
            result, unknown = score_texts(self.run_dir, read_dataset(self.data_root))
            if unknown:
                print(f"note: {len(unknown)} words mean nothing to the run's tokenizer: {', '.join(unknown[:12])}")
        count = len(result.classes)
        print(f"{len(result.target):,} images of {count} classes without training images; chance {1 / count:.1%}")
        print(f"among these classes: UAR {result.among_left_out.uar:.1%}, top-1 {result.among_left_out.top1:.1%}")
        if self.data_root is None:
            print(f"among all classes: top-1 {result.among_all.top1:.1%}, top-5 {result.among_all.top5:.1%}")
            print(f"images of the other classes: top-1 {result.seen.top1:.1%}")
        if count <= MOST:
            print(f"the same texts dealt out to the classes in every way: p = {label_permutation_test([result]).p:.3g}")
