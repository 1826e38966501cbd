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
from mgutils.cli.course import Book, Doctor, NotebooksBuild, Publish, Reproduce, Verify
from mgutils.cli.data import DataAudit, DataCheck, Synth
from mgutils.cli.exercises import ExercisesOtter
from mgutils.cli.grading import Grade
from mgutils.cli.imports import ImportFolders, ImportImigue, ImportOriginal
from mgutils.cli.predicting import Export, Predict, Test
from mgutils.cli.signals import STATUS, Terminated, sigterm_raises
from mgutils.cli.training import Diff, Evaluate, Microscope, Train
from mgutils.config import get_profile, run_config
from mgutils.errors import ConfigError, MgError
from mgutils.files import UNWRITABLE

COMMANDS = {
    ("synth",): Synth,
    ("data", "check"): DataCheck,
    ("data", "audit"): DataAudit,
    ("import", "folders"): ImportFolders,
    ("import", "original"): ImportOriginal,
    ("import", "imigue"): ImportImigue,
    ("train",): Train,
    ("evaluate",): Evaluate,
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
        default = {} if kind not in (Synth, Train) else {"default": _profile_default(kind, rest)}
        chosen = tyro.cli(kind, args=rest, prog=f"mg {' '.join(command)}",
                          config=(tyro.conf.OmitArgPrefixes,), **default)
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


def _profile_default(kind: type[Synth] | type[Train], arguments: Sequence[str]) -> Synth | Train:
    """The options as the chosen profile sets them: tyro shows them in --help, and the user's own win."""
    profile = get_profile(_last(arguments, "--profile", "cpu"))
    if kind is Train:
        objective = _last(arguments, "--objective", "sound_ce")
        text = _last(arguments, "--task", "image-text") != "classification"
        train = run_config(profile, objective).train if text else profile.train
        return Train(tyro.MISSING, profile=profile.name, train=train)
    if profile.synth is None:
        raise ConfigError(f"profile: found {profile.name!r}, which is for real images; wanted smoke, cpu or gpu.")
    return Synth(tyro.MISSING, profile=profile.name, synth=profile.synth)


def _last(arguments: Sequence[str], flag: str, default: str) -> str:
    """What the user gave for a flag, as ``--flag value`` or ``--flag=value``."""
    chosen = [value for name, value in zip(arguments, arguments[1:], strict=False) if name == flag]
    chosen += [word.removeprefix(f"{flag}=") for word in arguments if word.startswith(f"{flag}=")]
    return chosen[-1] if chosen else default


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
