"""The ``mg`` command: subcommands over the dataclasses of ``config``; nothing imports this module.

Each command is a frozen dataclass whose fields are its options, with a ``run`` method. Heavy imports are inside
``run``, so that ``mg --help`` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from mgutils.config import (
    ObjectiveName,
    ProfileName,
    RunConfig,
    SplitName,
    SynthConfig,
    TrainConfig,
    get_objective,
    get_profile,
)
from mgutils.errors import ConfigError, DataError, MgError


@dataclass(frozen=True)
class Synth:
    """Make a synthetic dataset in the seed's layout."""

    root: Annotated[Path, tyro.conf.Positional]
    """Folder to make."""
    profile: ProfileName = "cpu"
    """Where the dials start."""
    synth: SynthConfig = field(default_factory=SynthConfig)
    """The dials; those not given are the profile's."""
    workers: int = 2
    """Processes; the bytes do not depend on it."""

    def run(self) -> None:
        from mgutils.synth.studio import make_dataset

        print(make_dataset(self.synth, self.root, workers=self.workers))


@dataclass(frozen=True)
class DataCheck:
    """Check a dataset wholly and list every fault."""

    root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset."""
    decode: bool = True
    """Also decode every image; --no-decode is faster."""

    def run(self) -> None:
        from mgutils.data.table import check_dataset

        check = check_dataset(self.root, decode=self.decode)
        for note in check.notes:
            print(f"note: {note}")
        if check.faults:
            raise DataError(check.faults)
        print(check.summary)


@dataclass(frozen=True)
class DataAudit:
    """Say what each possible split leaks, and what trivial classifiers score on it."""

    root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset."""

    def run(self) -> None:
        from mgutils.data.audit import audit_table
        from mgutils.data.table import read_dataset

        print(audit_table(read_dataset(self.root)).to_string(index=False))


@dataclass(frozen=True)
class ImportFolders:
    """Turn any folder of labelled images into a dataset in the seed's layout."""

    table: Annotated[Path, tyro.conf.Positional]
    """CSV that lists the images."""
    root: Annotated[Path, tyro.conf.Positional]
    """Folder to make."""
    path: str = "path"
    """Column with the path of an image, relative to the CSV's folder."""
    class_: Annotated[str, tyro.conf.arg(name="class")] = "class"
    """Column with the class."""
    caption: str | None = "caption"
    """Column with the class's text."""
    group: str | None = "group"
    """Column that becomes the subject."""
    size: int | None = None
    """Longest side of the copies, in pixels."""

    def run(self) -> None:
        from mgutils.data.importers import import_folders

        print(import_folders(self.table, self.root, path=self.path, class_=self.class_, caption=self.caption,
                             group=self.group, size=self.size))


@dataclass(frozen=True)
class Train:
    """Train one run and print its scores."""

    data_root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset."""
    profile: ProfileName = "cpu"
    """Size of the model and of the training."""
    objective: ObjectiveName = "sound_ce"
    """Loss, normalisation and temperature."""
    split: SplitName = "frame"
    """How frames are shared out between training and validation."""
    seed: int = 0
    """Of everything random."""
    out_dir: Path = Path("out")
    """The run store; a run that is already there is not repeated."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """Epochs, learning rates, augmentation; those not given are the profile's."""

    def run(self) -> None:
        from mgutils.runs import train_all

        config = RunConfig(self.objective, get_objective(self.objective), get_profile(self.profile).model, self.train,
                           self.split, self.seed)
        run = train_all([config], self.data_root, self.out_dir, jobs=1)[0]
        print(json.dumps(run.metrics | {"directory": str(run.directory)}, indent=2))


@dataclass(frozen=True)
class Evaluate:
    """Score a trained run on the validation part of a split; write JSON and CSV."""

    run_dir: Annotated[Path, tyro.conf.Positional]
    """Folder that `mg train` left."""
    data_root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset; its classes must be the run's."""
    split: SplitName | None = None
    """The run's own if not given."""
    out_dir: Path | None = None
    """Where metrics.json, per_class.csv and confusion.csv go; the current folder's `evaluation` if not given."""

    def run(self) -> None:
        from mgutils.evaluate import evaluate_run

        out_dir = self.out_dir or Path("evaluation")
        result = evaluate_run(self.run_dir, self.data_root, out_dir, split=self.split)
        print(json.dumps(result.summary() | {"directory": str(out_dir)}, indent=2))


@dataclass(frozen=True)
class NotebooksBuild:
    """Write the notebooks from their sources."""

    source: Path = Path("notebooks/src")
    """Folder of the py:percent sources."""
    out_dir: Path = Path("notebooks")
    """Folder of the notebooks."""

    def run(self) -> None:
        from mgutils.notebooks import build

        for path in build(self.source, self.out_dir):
            print(path)


@dataclass(frozen=True)
class Reproduce:
    """Make the data if absent, execute every notebook, leave notebooks, HTML, figures and tables."""

    profile: ProfileName = "cpu"
    """Size of everything."""
    data_root: Path | None = None
    """Folder of the dataset; data/<profile> if not given."""
    seed: int = 0
    """First seed."""
    out_dir: Path | None = None
    """Folder of the results; out/<profile> if not given."""

    def run(self) -> None:
        from mgutils.course import reproduce

        reproduce(self.profile, self.data_root or Path("data") / self.profile, self.seed,
                  self.out_dir or Path("out") / self.profile)


@dataclass(frozen=True)
class Verify:
    """Test every claim of the report; print expected, obtained, spread and verdict."""

    profile: ProfileName = "cpu"
    """Size of everything."""
    data_root: Path | None = None
    """Folder of the dataset, made if absent; data/<profile> if not given."""
    seed: int = 0
    """First seed."""
    out_dir: Path | None = None
    """Folder of the results; what is missing there is run; out/<profile> if not given."""
    figures: Path | None = None
    """Where claims.json and claims.md go; if not given, figures for the profile cpu, else <out_dir>/figures."""

    def run(self) -> None:
        from mgutils.report.claim_evidence import Evidence
        from mgutils.report.claims import verify, write_ledger

        data_root, out_dir = (given or Path(name) / self.profile
                              for given, name in ((self.data_root, "data"), (self.out_dir, "out")))
        if not data_root.exists():
            from mgutils.course import make_data

            make_data(get_profile(self.profile), data_root)
        ledger = verify(Evidence(self.profile, data_root, out_dir, seed=self.seed))
        figures = Path("figures") if self.profile == "cpu" else out_dir / "figures"
        for path in write_ledger(ledger, self.figures or figures):
            print(path)


@dataclass(frozen=True)
class Publish:
    """Copy a reproduction's notebooks, figures and tables into the project, and fill the README from them."""

    out_dir: Path = Path("out/cpu")
    """What `mg reproduce` left."""
    root: Path = Path(".")
    """The project's folder."""

    def run(self) -> None:
        from mgutils.report.readme import publish

        for path in publish(self.out_dir, self.root):
            print(path)


COMMANDS = {
    ("synth",): Synth,
    ("data", "check"): DataCheck,
    ("data", "audit"): DataAudit,
    ("import", "folders"): ImportFolders,
    ("train",): Train,
    ("evaluate",): Evaluate,
    ("notebooks", "build"): NotebooksBuild,
    ("reproduce",): Reproduce,
    ("publish",): Publish,
    ("verify",): Verify,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or 2 for a user's mistake."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command = next((name for name in COMMANDS if tuple(arguments[:len(name)]) == name), None)
        if command is None:
            return _overview(arguments)
        kind = COMMANDS[command]
        rest = arguments[len(command):]
        default = {} if kind not in (Synth, Train) else {"default": _profile_default(kind, rest)}
        tyro.cli(kind, args=rest, prog=f"mg {' '.join(command)}", config=(tyro.conf.OmitArgPrefixes,), **default).run()
    except MgError as error:
        print(f"mg: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("mg: stopped by the user", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _profile_default(kind: type[Synth] | type[Train], arguments: Sequence[str]) -> Synth | Train:
    """The options as the chosen profile sets them: tyro shows them in --help, and the user's own win."""
    chosen = [value for flag, value in zip(arguments, arguments[1:], strict=False) if flag == "--profile"]
    chosen += [word.removeprefix("--profile=") for word in arguments if word.startswith("--profile=")]
    profile = get_profile(chosen[-1] if chosen else "cpu")
    if kind is Train:
        return Train(tyro.MISSING, profile=profile.name, train=profile.train)
    if profile.synth is None:
        raise ConfigError(f"profile: found {profile.name!r}, which is for real images; wanted smoke, cpu or gpu.")
    return Synth(tyro.MISSING, profile=profile.name, synth=profile.synth)


def _overview(arguments: Sequence[str]) -> int:
    """Print the commands; status 0 where help was asked for, else 2."""
    lines = ["usage: mg COMMAND [OPTIONS]; `mg COMMAND --help` lists the options", ""]
    lines += [f"  {' '.join(name):<18}{kind.__doc__}" for name, kind in COMMANDS.items()]
    if not arguments or arguments[0] in ("-h", "--help"):
        print("\n".join(lines))
        return 0
    print(f"mg: no command {' '.join(arguments[:2])!r}\n" + "\n".join(lines), file=sys.stderr)
    return 2
