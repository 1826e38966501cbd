"""The ``mg`` command: subcommands over the dataclasses of ``config``; nothing imports this module.

Each command is a frozen dataclass whose fields are its options, with a ``run`` method. Heavy imports are inside
``run``, so that ``mg --help`` answers at once.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import tyro

import mgutils
from mgutils.cli.binding import Bind
from mgutils.cli.caption import Caption
from mgutils.cli.course import Book, Doctor, NotebooksBuild, Publish, Reproduce, Verify
from mgutils.cli.crossval import CrossVal
from mgutils.cli.data import DataAudit, DataCheck, Synth
from mgutils.cli.defaults import default_options, training_command
from mgutils.cli.exercises import ExercisesOtter
from mgutils.cli.grading import Grade
from mgutils.cli.imports import ImportFolders, ImportImigue, ImportOriginal, ImportSkeletons, ImportVideos
from mgutils.cli.predicting import Export, Predict, Test
from mgutils.cli.probing import Probe, Retrieve
from mgutils.cli.sentences import Sentences
from mgutils.cli.signals import STATUS, Terminated, sigterm_raises
from mgutils.cli.skeletons import Clips, EnsembleCommand, Keypoints, Submit
from mgutils.cli.training import Diff, Evaluate, Microscope, Train
from mgutils.cli.zero_shot import ZeroShotCommand
from mgutils.errors import MgError
from mgutils.files import UNWRITABLE

COMMANDS = {
    ("synth",): Synth,
    ("clips",): Clips,
    ("sentences",): Sentences,
    ("data", "check"): DataCheck,
    ("data", "audit"): DataAudit,
    ("import", "folders"): ImportFolders,
    ("import", "original"): ImportOriginal,
    ("import", "imigue"): ImportImigue,
    ("import", "skeletons"): ImportSkeletons,
    ("import", "videos"): ImportVideos,
    ("caption",): Caption,
    ("train",): Train,
    ("crossval",): CrossVal,
    ("evaluate",): Evaluate,
    ("keypoints",): Keypoints,
    ("ensemble",): EnsembleCommand,
    ("submit",): Submit,
    ("bind",): Bind,
    ("probe",): Probe,
    ("retrieve",): Retrieve,
    ("zero-shot",): ZeroShotCommand,
    ("diff",): Diff,
    ("test",): Test,
    ("predict",): Predict,
    ("export",): Export,
    ("microscope",): Microscope,
    ("notebooks", "build"): NotebooksBuild,
    ("exercises", "otter"): ExercisesOtter,
    ("grade",): Grade,
    ("reproduce",): Reproduce,
    ("publish",): Publish,
    ("verify",): Verify,
    ("book",): Book,
    ("doctor",): Doctor,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for a failed notebook, 2 for a user's mistake.

    Ctrl-C gives 130, and SIGTERM 143.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    _escape_output()
    try:
        command = next((name for name in COMMANDS if tuple(arguments[:len(name)]) == name), None)
        if command is None:
            return _overview(arguments)
        kind = COMMANDS[command]
        rest = arguments[len(command):]
        kind = training_command(rest) if kind is Train else kind
        default = default_options(kind, rest)
        chosen = tyro.cli(kind, args=rest, prog=f"mg {' '.join(command)}", config=(tyro.conf.OmitArgPrefixes,),
                          **({} if default is None else {"default": default}))
        with sigterm_raises():
            chosen.run()
    except MgError as error:
        print(f"mg: {error}", file=sys.stderr)
        return error.exit_status
    except Terminated:
        print("mg: stopped by a request to end (SIGTERM)", file=sys.stderr)
        return STATUS
    except KeyboardInterrupt:
        print("mg: stopped by the user", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        print(f"mg: {error.filename or 'disk'}: {error.strerror}. Make room, or name another folder.", file=sys.stderr)
        return MgError.exit_status
    return 0


def _escape_output() -> None:
    """Print what UTF-8 cannot hold, such as some file names, as backslash escapes; standard error does so anyway."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _overview(arguments: Sequence[str]) -> int:
    """Print the commands, or those of a group such as ``data``; status 0 where help was asked for, else 2."""
    if arguments == ["--version"]:
        print(f"mgutils {mgutils.__version__}")
        return 0
    group = {name: kind for name, kind in COMMANDS.items() if list(name[:1]) == arguments[:1]}
    lines = ["usage: mg COMMAND [OPTIONS]; `mg COMMAND --help` lists the options", ""]
    lines += [f"  {' '.join(name):<18}{kind.__doc__}" for name, kind in (group or COMMANDS).items()]
    if not arguments or arguments[bool(group):][:1] in (["-h"], ["--help"]):
        print("\n".join(lines))
        return 0
    print(f"mg: no command {' '.join(arguments[:2])!r}\n" + "\n".join(lines), file=sys.stderr)
    return 2
