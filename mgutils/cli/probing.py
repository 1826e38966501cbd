"""Commands that ask what an encoder has learned, without training it further."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from mgutils.cli.paths import IMAGES, need_dataset, need_run
from mgutils.config import Protocol, SplitName
from mgutils.errors import ConfigError
from mgutils.training.config_file import read_config


@dataclass(frozen=True)
class Probe:
    """Score a linear probe and nearest neighbours on an encoder's embeddings, from 1 image a class to all."""

    encoder: Annotated[str, tyro.conf.Positional]
    """Folder that `mg train` left, or the timm name of a pretrained encoder."""
    data_root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset."""
    split: SplitName | None = None
    """The run's own if not given; for an encoder by name by subject, or by frame where nobody knows the subjects."""
    protocol: Protocol = Protocol()
    """A fold, or a group by its name, in place of a single split; the run's own if not given."""
    shots: tuple[int, ...] = (1, 2, 5, 10)
    """Training images of each class; all of them come last."""
    draws: int = 3
    """Draws of so few images."""
    image_size: int = 0
    """Side of the images in pixels; 0: the run's own, or 224."""
    seed: int = 0
    """Of the draws."""
    out_dir: Path = Path("probe")
    """Where few_shot.csv goes."""

    def run(self) -> None:
        need_dataset(self.data_root)
        if min(*self.shots, self.draws, 1) < 1:
            raise ConfigError(f"shots, draws: found {list(self.shots)} and {self.draws}; wanted numbers from 1 on.")

        from mgutils.data.csv import write_csv
        from mgutils.data.protocol import probed_split
        from mgutils.data.table import read_dataset
        from mgutils.files import atomic_file

        dataset = read_dataset(self.data_root)
        file = Path(self.encoder) / "config.json"
        # what cannot be split is told before torch is imported
        probed_split(dataset, read_config(file) if file.exists() else None, self.split, self.protocol)

        from mgutils.evaluation.few_shot import probe_encoder

        table = probe_encoder(self.encoder, dataset, split=self.split, protocol=self.protocol, shots=self.shots,
                              draws=self.draws, image_size=self.image_size, seed=self.seed)
        with atomic_file(self.out_dir / "few_shot.csv") as aside:
            write_csv(table, aside)
        shown = table.assign(shots=table["shots"].replace(0, "all").astype(str))
        percent = dict.fromkeys(("top1", "low", "high", "uar"), "{:.1%}".format)
        print(shown.to_string(index=False, formatters=percent))


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
