"""The whole course in one go: data, executed notebooks, pages, Table 1. One notebook is :mod:`mgutils.notebooks`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mgutils.config import Profile, get_profile
from mgutils.course_map import record_minutes
from mgutils.errors import ConfigError
from mgutils.notebooks import SOURCES, execute, sources
from mgutils.pages import to_html


def reproduce(profile: str | Profile, data_root: Path | str, seed: int, out_dir: Path | str,
              only: Sequence[str] | None = None, source_dir: Path | str = SOURCES) -> list[Path]:
    """Make the dataset if absent, execute the notebooks in order, write their pages, print Table 1.

    Leaves ``out_dir/notebooks/NN_name.ipynb`` and ``.html`` and ``out_dir/tables/minutes.csv``; the notebooks
    themselves write ``out_dir/figures``, ``out_dir/tables`` and the run store ``out_dir/runs``.

    Parameters
    ----------
    only : sequence of str, optional
        Numbers or names of notebooks, such as ``01`` or ``05_evaluation``; all if not given.

    Returns
    -------
    list of Path
        The executed notebooks.

    Raises
    ------
    MgError
        If a notebook fails (those after it are not executed), or the data is neither there nor to be made.
    """
    profile = get_profile(profile) if isinstance(profile, str) else profile
    chosen = _choose(sources(source_dir), only)
    data_root, out_dir = Path(data_root).absolute(), Path(out_dir).absolute()
    make_data(profile, data_root)
    cwd = Path(source_dir).absolute().parent
    parameters = {"profile": profile.name, "data_root": _short(data_root, cwd), "seed": seed,
                  "out_dir": _short(out_dir, cwd)}
    executed, start = [], time.monotonic()
    for position, source in enumerate(chosen, start=1):
        began = time.monotonic()
        executed.append(execute(source, out_dir / "notebooks" / f"{source.stem}.ipynb", parameters, cwd=cwd,
                                progress=sys.stderr.isatty()))
        to_html(executed[-1])
        minutes = (time.monotonic() - began) / 60
        record_minutes(out_dir / "tables" / "minutes.csv", source.stem, profile.name, minutes)
        print(f"{position}/{len(chosen)}  {source.stem:<24} {minutes:5.1f} min", flush=True)
    _print_results(out_dir, (time.monotonic() - start) / 60)
    return executed


def _choose(all_sources: list[Path], only: Sequence[str] | None) -> list[Path]:
    """The sources whose name begins with one of the words."""
    for word in only or ():
        if not any(source.stem.startswith(word) for source in all_sources):
            raise ConfigError(f"only: found {word!r}; wanted some of {', '.join(s.stem for s in all_sources)}.")
    return [source for source in all_sources if only is None or source.stem.startswith(tuple(only))]


def make_data(profile: Profile, data_root: Path) -> None:
    """Make the profile's dataset where there is none."""
    if data_root.exists():
        return
    if profile.synth is None:
        raise ConfigError(f"data_root: found no folder {data_root}; the profile {profile.name!r} wants real images. "
                          "Give the folder that holds training/train.xlsx.")
    from mgutils.synth.studio import make_dataset

    make_dataset(profile.synth, data_root)


def _short(path: Path, cwd: Path) -> str:
    """The path as a notebook of the course writes it: relative to its folder, unless it lies outside the project."""
    inside = path.is_relative_to(cwd.parent)
    return Path(os.path.relpath(path, cwd)).as_posix() if inside else path.as_posix()


def _print_results(out_dir: Path, minutes: float) -> None:
    table = out_dir / "tables" / "table1.md"
    if table.exists():
        print(f"\nTable 1\n\n{table.read_text(encoding='utf-8').strip()}\n")
    figures = sum(file.is_file() for file in (out_dir / "figures").glob("*"))
    print(f"{minutes:.1f} min; {figures} figures in {out_dir / 'figures'}, notebooks in {out_dir / 'notebooks'}")
