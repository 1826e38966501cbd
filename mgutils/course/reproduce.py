"""The whole course in one go: data, executed notebooks, pages, Table 1.

One notebook is :mod:`mgutils.course.notebooks`; the comparison with the published results is
:mod:`mgutils.report.compare`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat

from mgutils.config import Profile, get_profile
from mgutils.course.manifest import recorded
from mgutils.course.map import record_minutes
from mgutils.course.notebooks import SOURCES, execute, sources
from mgutils.course.pages import to_html
from mgutils.course.prose import stored_comparison
from mgutils.errors import ConfigError, MgError, NotebookError
from mgutils.files import locked
from mgutils.report.compare import compare


def reproduce(profile: str | Profile, data_root: Path | str, seed: int, out_dir: Path | str,
              only: Sequence[str] | None = None, source_dir: Path | str = SOURCES, *,
              start: str | None = None, everything: bool = False) -> list[Path]:
    """Make the dataset if absent, execute the notebooks in order, compare with published results.

    Leaves ``out_dir/notebooks/NN_name.ipynb`` and ``.html``, a ``manifest.json`` of those that
    succeeded, and ``out_dir/tables/minutes.csv``; the notebooks themselves write
    ``out_dir/figures``, ``out_dir/tables`` and the run store ``out_dir/runs``. After a notebook that
    fails the later ones are still executed.

    Parameters
    ----------
    only : sequence of str, optional
        Numbers or names of notebooks, such as ``05`` or ``07_evaluation``; those of the report if not given.
    start : str, optional
        Number or name of the first notebook to execute; it uses what the earlier ones left in the
        run store.
    everything : bool
        Also the notebooks of the other systems, 10 to 13.

    Returns
    -------
    list of Path
        The executed notebooks.

    Raises
    ------
    ConfigError
        If no notebook has such a number or name, the data is neither there nor to be made, or
        another process executes notebooks into the folder; nothing has been executed then.
    NotebookError
        After all notebooks, if some failed; the message names each of them and its cell.
    """
    profile = get_profile(profile) if isinstance(profile, str) else profile
    chosen = choose(sources(source_dir), only, start, everything)
    data_root, out_dir = Path(data_root).absolute(), Path(out_dir).absolute()
    make_data(profile, data_root)
    cwd = Path(source_dir).absolute().parent
    parameters = {"profile": profile.name, "data_root": _short(data_root, cwd), "seed": seed,
                  "out_dir": _short(out_dir, cwd)}
    began = time.time()
    with locked(out_dir):
        failures = _execute_all(chosen, out_dir, parameters, cwd, data_root)
    _print_results(out_dir, (time.time() - began) / 60)
    executed = [_executed(out_dir, source) for source in chosen]
    comparison = compare(cwd.parent / "figures", out_dir, profile, data_root, since=began)
    print(*comparison, *_conclusions(executed), sep="\n", flush=True)
    if failures:
        first = f"{len(failures)} of {len(chosen)} notebooks failed."
        raise NotebookError("\n".join([first, *failures]))
    return executed


OTHER_SYSTEMS = ("10", "11", "12", "13")
"""Numbers of the notebooks that are about other originals than the report."""


def choose(all_sources: Sequence[Path], only: Sequence[str] | None = None,
           start: str | None = None, everything: bool = False) -> list[Path]:
    """The sources with one of the numbers or names, or those from one of them on.

    Without ``only``, the notebooks of the other systems come along only where ``everything`` is asked for, or where one
    of them is the start.

    Raises
    ------
    ConfigError
        If both are given, or a word fits no source.
    """
    if only is not None and start is not None:
        raise ConfigError("only, from: found both; wanted one of them. --only names notebooks, "
                          "--from the first of all that follow.")
    if only is None:
        first = 0 if start is None else _position(all_sources, "from", start)
        others = everything or (start is not None and _number(all_sources[first]) in OTHER_SYSTEMS)
        return [source for source in all_sources[first:] if others or _number(source) not in OTHER_SYSTEMS]
    if not only:
        raise ConfigError(f"only: found no notebook; wanted some of {_stems(all_sources)}.")
    places = {_position(all_sources, "only", word) for word in only}
    return [all_sources[place] for place in sorted(places)]


def _position(all_sources: Sequence[Path], option: str, word: str) -> int:
    """Which source a number (``5``, ``05``), a name (``evaluation``) or ``07_evaluation`` means."""
    for place, source in enumerate(all_sources):
        number, _, name = source.stem.partition("_")
        if word in (source.stem, name, number) or f"0{word}" == number:
            return place
    raise ConfigError(f"{option}: found {word!r}; wanted some of {_stems(all_sources)}.")


def _number(source: Path) -> str:
    return source.stem.partition("_")[0]


def _stems(all_sources: Sequence[Path]) -> str:
    return ", ".join(source.stem for source in all_sources)


def _execute_all(chosen: Sequence[Path], out_dir: Path, parameters: Mapping[str, Any],
                 cwd: Path, data_root: Path) -> list[str]:
    """Execute the notebooks and make their pages. Returns the messages of those that failed."""
    failures = []
    for position, source in enumerate(chosen, start=1):
        began, runs = time.monotonic(), _runs(out_dir)
        out = _executed(out_dir, source)
        page = out.with_suffix(".html")
        page.unlink(missing_ok=True)  # of an earlier run: a notebook that fails has no page
        failed = ""
        try:
            with recorded(out, source, parameters, data_root):
                to_html(execute(source, out, parameters, cwd=cwd, progress=True), page)
        except MgError as error:
            failed = "  failed"
            # other errors, such as a formula that has no MathML, do not name the notebook
            named = isinstance(error, NotebookError)
            failures.append(str(error) if named else f"{source.stem}: {error}")
        minutes = (time.monotonic() - began) / 60
        if not failed:
            table = out_dir / "tables" / "minutes.csv"
            record_minutes(table, source.stem, parameters["profile"], minutes, trained=_runs(out_dir) > runs)
        print(f"{position}/{len(chosen)}  {source.stem:<24} {minutes:5.1f} min{failed}", flush=True)
    return failures


def _runs(out_dir: Path) -> set[str]:
    """Names of the runs that the store holds."""
    return {folder.name for folder in (out_dir / "runs").glob("*") if folder.suffix != ".partial"}


def _executed(out_dir: Path, source: Path) -> Path:
    return out_dir / "notebooks" / f"{source.stem}.ipynb"


def make_data(profile: Profile, data_root: Path) -> None:
    """Make the profile's dataset where there is none."""
    if data_root.exists():
        return
    if profile.synth is None:
        raise ConfigError(f"data_root: found no folder {data_root}; the profile {profile.name!r} wants real images. "
                          "Give the folder that holds training/train.xlsx.")
    from mgutils.synth.dataset import make_dataset

    make_dataset(profile.synth, data_root)


def _short(path: Path, cwd: Path) -> str:
    """The path as a notebook of the course writes it: relative to its folder, unless it lies outside the project."""
    inside = path.is_relative_to(cwd.parent)
    return Path(os.path.relpath(path, cwd)).as_posix() if inside else path.as_posix()


def _conclusions(notebooks: Sequence[Path]) -> list[str]:
    """How many sentences of the text are true of these runs, in a line, and one for each that is not."""
    found = {path.stem: stored_comparison(nbformat.read(path, as_version=4)) for path in notebooks if path.exists()}
    untrue = [f"  {stem}: {one.sentence}" for stem, told in found.items() if told for one in told.untrue]
    count = sum(len(told.conclusions) for told in found.values() if told)
    held = f"{count - len(untrue)} of the {count} conclusions in the text that are put to the test hold here"
    return [held, *untrue] if count else []


def _print_results(out_dir: Path, minutes: float) -> None:
    table = out_dir / "tables" / "table1.md"
    if table.exists():
        print(f"\nTable 1\n\n{table.read_text(encoding='utf-8').strip()}\n")
    figures = sum(file.is_file() for file in (out_dir / "figures").glob("*"))
    print(f"{minutes:.1f} min; {figures} figures in {out_dir / 'figures'}, notebooks in {out_dir / 'notebooks'}")
