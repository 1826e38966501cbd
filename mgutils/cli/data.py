"""Commands that make, make and check data."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from mgutils.cli.paths import need_dataset
from mgutils.config import ProfileName, SynthConfig
from mgutils.errors import ConfigError, DataError


@dataclass(frozen=True)
class Synth:
    """Make a synthetic dataset in the original's layout."""

    root: Annotated[Path, tyro.conf.Positional]
    """Folder to make."""
    profile: ProfileName = "cpu"
    """Where the parameters start."""
    synth: SynthConfig = field(default_factory=SynthConfig)
    """The parameters; those not given are the profile's."""
    workers: int = 2
    """Processes; the bytes do not depend on it."""

    def run(self) -> None:
        from mgutils.synth.plan import validate

        validate(self.synth)

        from mgutils.synth.dataset import make_dataset

        print(make_dataset(self.synth, self.root, workers=self.workers))


@dataclass(frozen=True)
class DataCheck:
    """Check a dataset wholly and list every fault."""

    root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset."""
    decode: bool = True
    """Also decode every image; --no-decode is faster."""
    skip_bad: bool = False
    """List the images that cannot be read in left_out.csv; every command then leaves them out."""

    def run(self) -> None:
        need_dataset(self.root)

        from mgutils.data.audit import finding
        from mgutils.data.items import describe_clips, is_clip_dataset, read_clip_dataset
        from mgutils.data.sidecar import write_left_out
        from mgutils.data.table import check_dataset, read_dataset

        if is_clip_dataset(self.root):
            dataset = read_clip_dataset(self.root)
            with suppress(ConfigError):  # too small for that split
                print(f"note: {finding(dataset)}")
            print(describe_clips(dataset))
            return
        check = check_dataset(self.root, decode=self.decode, all_rows=self.skip_bad)
        if self.skip_bad and len(check.faults) == len(check.bad_images) < check.images:
            write_left_out(self.root, check.bad_images)
            check = check_dataset(self.root)
        for note in check.notes:
            print(f"note: {note}")
        if check.faults:
            raise DataError(check.faults)
        with suppress(ConfigError):  # too small for that split
            print(f"note: {finding(read_dataset(self.root))}")
        print(check.summary)


@dataclass(frozen=True)
class DataAudit:
    """Say what each possible split leaks, and what trivial classifiers score on it."""

    root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset."""

    def run(self) -> None:
        need_dataset(self.root)

        from mgutils.data.audit import audit_table, finding
        from mgutils.data.items import is_clip_dataset, read_clip_dataset
        from mgutils.data.table import read_dataset

        dataset = read_clip_dataset(self.root) if is_clip_dataset(self.root) else read_dataset(self.root)
        table = audit_table(dataset)
        shares = [name for name in table if name.endswith(("_shared", "_top1", "_top5"))]
        print(table.to_string(index=False, formatters=dict.fromkeys(shares, "{:.1%}".format), na_rep="-"))
        print(*(f"{finding(dataset, name)}." for name in table["split"]), sep="\n")
