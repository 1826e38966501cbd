"""The command that binds a modality of one's own to a frozen anchor."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from mgutils.cli.paths import need_run
from mgutils.config import Protocol, SplitName
from mgutils.errors import ConfigError
from mgutils.training.config_file import read_config


@dataclass(frozen=True)
class Bind:
    """Align a modality of your own with a frozen anchor, probe it, and write one page of results."""

    arrays: Annotated[Path, tyro.conf.Positional]
    """Folder with a file for each clip, called by its clip_id: .npy, .npz or a film; a row for each frame."""
    clips: Annotated[Path, tyro.conf.Positional]
    """Folder of the clips, as `mg clips` and `mg import skeletons` make it; it is not changed."""
    name: str
    """What to call the new modality."""
    anchor: Path | None = None
    """Folder of a run of the task alignment; its first modality is the anchor. Trained first if not given."""
    profile: Literal["smoke", "cpu", "gpu"] = "cpu"
    """Size of the new encoder, and the training."""
    split: SplitName | None = None
    """The anchor's own if not given."""
    seeds: int = 3
    """Runs with the anchor, and as many with a random one."""
    seed: int = 0
    """Of the first of them."""
    epochs: int = 0
    """Of each run; 0: 20, in the profile smoke 2."""
    size: int = 0
    """Longest side of pictures in pixels; 0: arrays as they are, films as the clips' own pictures."""
    jobs: int = 2
    """Runs at a time."""
    out_dir: Path = Path("out")
    """The run store; the page goes into its folder bind/NAME."""

    def run(self) -> None:
        begin = time.perf_counter()
        if min(self.seeds, self.jobs) < 1 or min(self.seed, self.epochs) < 0:
            raise ConfigError(f"seeds, jobs, seed, epochs: found {self.seeds}, {self.jobs}, {self.seed} and "
                              f"{self.epochs}; wanted at least 1, 1, 0 and 0.")
        self._check_clips()

        from mgutils.data.importers.modality import add_modality

        folder = self.out_dir / "bind" / self.name
        added = add_modality(self.arrays, self.clips, folder / "clips", self.name, size=self.size)
        print(f"{added.root}: {added.clips:,} clips with {self.name}")
        for note in added.notes:
            print(f"note: {note}")

        from mgutils.experiments.bind import bind
        from mgutils.experiments.bind_tables import bind_table
        from mgutils.report.bind import write_bind

        found = bind(added.root, self.clips, self.name, self.out_dir, anchor=self.anchor, profile=self.profile,
                     split=self.split, seeds=self.seeds, seed=self.seed, epochs=self.epochs, jobs=self.jobs)
        page = write_bind(found, bind_table(found), folder)
        print(page.read_text(encoding="utf-8").partition("\n## How")[0])
        print(f"{page}, in {(time.perf_counter() - begin) / 60:.1f} minutes")

    def _check_clips(self) -> None:
        """Refuse clips that are none, that the anchor cannot read, or that cannot be split, before torch is there."""
        from mgutils.data.items import FOLDER, is_clip_dataset, read_clip_dataset
        from mgutils.data.protocol import probed_split
        from mgutils.data.splits import available_splits

        if not is_clip_dataset(self.clips):
            raise ConfigError(f"{self.clips}: found no folder of clips; wanted one with clips.csv and clips/. Make it "
                              "with `mg clips`, or import skeletons with `mg import skeletons`.")
        config = None
        if self.anchor is not None:
            need_run(self.anchor, "alignment")
            config = read_config(self.anchor / "config.json")
            modality = config.model.modalities[0]
            if not (self.clips / FOLDER / f"{modality}.npy").exists():
                raise ConfigError(f"{self.clips}: found no {modality}, which the anchor of {self.anchor} reads; wanted "
                                  "its frames in clips/. Name another run.")
        dataset = read_clip_dataset(self.clips)
        if (dataset.frames["class_id"] == 0).any():
            raise ConfigError(f"{self.clips}: found clips of which nobody knows the class; wanted a class for each: "
                              "probes are asked for it. Leave those clips out.")
        probed_split(dataset, config, self.split or (None if config else available_splits(dataset)[-1]), Protocol())
