"""`mg zero-shot`: classes of which a run has seen no image and no clip, by their text alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from mgutils.cli.paths import IMAGES, need_dataset, need_run
from mgutils.cli.probing import write_table
from mgutils.config import RunConfig
from mgutils.errors import ConfigError
from mgutils.training.config_file import read_config


@dataclass(frozen=True)
class ZeroShotCommand:
    """Score classes without training images or clips, by their text alone."""

    run_dir: Annotated[Path, tyro.conf.Positional]
    """Folder that `mg train` left."""
    data_root: Annotated[Path | None, tyro.conf.Positional] = None
    """A dataset of other classes; if not given, those that the run left out (`mg train --left-out`). Of a run on videos
    and sentences: the folder of the clips, its own or others."""
    windows: int = 0
    """Of videos: score so many draws of the original's random window, too, which wraps; 0: fixed segments alone."""
    every: int = 2
    """Of so many frames that window keeps one; 2 or 4 in the original."""
    out_dir: Path = Path("zero_shot")
    """Of videos: where zero_shot.csv and windows.csv go."""

    def run(self) -> None:
        need_run(self.run_dir, *IMAGES, "alignment")
        if self.data_root is not None:
            need_dataset(self.data_root)
        config = read_config(self.run_dir / "config.json")
        if config.task == "alignment":
            self.of_clips(config)
        else:
            self.of_images()

    def of_images(self) -> None:
        """Print the scores of a run of the first system."""
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

    def of_clips(self, config: RunConfig) -> None:
        """Print and write the scores of a run of the fourth system."""
        from mgutils.evaluation.questions import video_part
        from mgutils.training.inputs import read_rows

        part = video_part(config)
        if self.data_root is None:
            raise ConfigError(f"{self.run_dir}: found no folder of clips for a run on videos and sentences; wanted "
                              "that of its own clips, or of others: `mg zero-shot RUN CLIPS`.")
        if self.windows < 0 or self.every < 1:
            raise ConfigError(f"windows, every: found {self.windows} and {self.every}; wanted at least 0 and 1.")
        dataset = read_rows(self.data_root, (part,))

        from mgutils.evaluation.video_text_tables import zero_shot_clips
        from mgutils.evaluation.windows import windows
        from mgutils.evaluation.zero_shot import MOST, label_permutation_test

        table, found = zero_shot_clips(self.run_dir, dataset)
        write_table(table, self.out_dir / "zero_shot.csv")
        people, count = len(set(found.subjects[found.asked])), len(found.classes)
        print(f"{found.asked.sum():,} clips of {count} classes without training clips, by {people} people")
        percent = dict.fromkeys(("chance", "value", "low", "high"), "{:.1%}".format)
        print(table.to_string(index=False, formatters=percent, na_rep="-"))
        if count <= MOST:
            test = label_permutation_test([found.zero_shot()])
            print(f"the same texts dealt out to the classes in every way: p = {test.p:.3g}")
        if self.windows:
            drawn = windows(self.run_dir, dataset, self.windows, self.every)
            write_table(drawn, self.out_dir / "windows.csv")
            fixed, random = drawn.iloc[0], drawn.iloc[1:]
            print(f"UAR {fixed['uar']:.1%} on fixed segments; on {self.windows} draws of a random window that wraps "
                  f"{random['uar'].mean():.1%}, {random['uar'].min():.1%} to {random['uar'].max():.1%}, and "
                  f"{random['changed'].mean():.1%} of the answers are others")
