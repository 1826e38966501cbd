"""Is this machine ready? Versions, devices, memory, disk, the model hub: each fault with its remedy.

Nothing is changed and nothing installed. Only the question whether the hub answers touches the network; it is given
up after a few seconds.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from mgutils.config import get_profile
from mgutils.models.hub import hub_address, why_silent
from mgutils.report.markdown import markdown_table

GIB = 2**30
PURPOSE = {"video": "reading and annotating videos", "export": "exporting a model to ONNX", "test": "make test"}
SETUP = "Run `make setup`."

Verdict = Literal["ok", "note", "fault"]


@dataclass(frozen=True)
class Check:
    """One question and its answer."""

    name: str
    verdict: Verdict
    """``fault``: something needed is missing; ``note``: worth knowing, the course runs."""
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        mark = "FAULT" if self.verdict == "fault" else self.verdict
        line = f"{mark:<6}{self.name:<18}{self.found}"
        return line + (f"\n{'':24}-> {self.remedy}" if self.remedy else "")


def examine(profile: str = "cpu", data_root: Path | str | None = None, out_dir: Path | str | None = None, *,
            hub: bool = True, timeout: float = 3) -> list[Check]:
    """Every check, in the order in which a reader would settle them.

    Parameters
    ----------
    profile : str
        Whose memory, disk and device are wanted.
    data_root, out_dir : path, optional
        Where data and results go; ``data/<profile>`` and ``out/<profile>`` if not given. They need not exist.
    hub : bool
        Ask whether the model hub answers.
    timeout : float
        Seconds to wait for the hub.

    Raises
    ------
    ConfigError
        If there is no such profile.

    Taught in: 00, section 3.
    """
    get_profile(profile)
    data_root, out_dir = Path(data_root or f"data/{profile}"), Path(out_dir or f"out/{profile}")
    checks = [check_python(), *check_packages(), check_device(profile), check_memory(profile),
              check_data(profile, data_root), check_disk(profile, out_dir), check_wall()]
    return [*checks, check_hub(profile, timeout)] if hub else checks


def as_markdown(checks: Iterable[Check]) -> str:
    """The checks as a Markdown table for a notebook."""
    rows = [(check.name, check.verdict.replace("fault", "**fault**"), check.found, check.remedy) for check in checks]
    return markdown_table(("check", "verdict", "found", "what to do"), rows).replace("<", "&lt;")


# -- software ----------------------------------------------------------------------------------------------------------


def check_python() -> Check:
    """The interpreter's version against the package's."""
    version = platform.python_version()
    found = f"{version} in {Path(sys.prefix).name}"  # no path: notebooks with this table are shared
    try:
        wanted = SpecifierSet(metadata.metadata("mgutils")["Requires-Python"])
    except metadata.PackageNotFoundError:
        wanted = SpecifierSet()  # the next check says that the package is missing
    if wanted.contains(version, prereleases=True):
        return Check("Python", "ok", found)
    return Check("Python", "fault", found, f"Wanted {wanted}: PYTHON=python3.12 make setup, on a fresh .venv.")


def check_packages(requirements: Sequence[str] | None = None) -> list[Check]:
    """Installed versions against the package's requirements.

    One check for what is needed, and one for each extra that is not installed.

    Parameters
    ----------
    requirements : sequence of str, optional
        As a package's metadata have them; those of mgutils if not given.
    """
    try:
        known = list(map(Requirement, metadata.requires("mgutils") if requirements is None else requirements))
    except metadata.PackageNotFoundError:
        return [Check("packages", "fault", "mgutils is not installed", SETUP)]
    missing = [fault for extra in ("", "notebooks") for fault in _missing(known, extra)]
    checks = [Check("packages", "ok", "all there")]
    if missing:
        checks = [Check("packages", "fault", "; ".join(missing), SETUP)]
    for extra, purpose in PURPOSE.items():
        if missing := _missing(known, extra):
            found = f"{'; '.join(missing)}: only for {purpose}"
            checks.append(Check(f"extra {extra}", "note", found, f"pip install 'mgutils[{extra}]', if you want that."))
    return checks


def _missing(requirements: Iterable[Requirement], extra: str) -> list[str]:
    """What an extra, or for ``""`` the package itself, asks for and is missing or of the wrong version."""
    found = []
    for requirement in requirements:
        of_extra = "extra" in str(requirement.marker)
        if of_extra != bool(extra) or requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            found.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{requirement.name} {version}, wanted {requirement.specifier}")
    return found


# -- the machine -------------------------------------------------------------------------------------------------------


def check_device(profile: str) -> Check:
    """What torch would compute on, and whether the profile wants more."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return Check("device", "fault", f"torch does not start: {error}", SETUP)
    cores = f"{os.cpu_count()} processor cores, torch {torch.__version__}"
    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / GIB
        return Check("device", "ok", f"{torch.cuda.get_device_name()}, {memory:.0f} GiB; {cores}")
    if profile in ("gpu", "imigue"):
        return Check("device", "note", f"no CUDA device; {cores}",
                     f"The profile {profile!r} would take days here: choose cpu, or a machine with a GPU.")
    return Check("device", "ok", f"{cores}; no CUDA device, and this profile needs none")


def check_memory(profile: str) -> Check:
    """Free memory against what the profile takes at its peak."""
    memory = psutil.virtual_memory()
    free = memory.available / GIB
    wanted = get_profile(profile).memory
    found = f"{free:.1f} GiB free of {memory.total / GIB:.1f}"
    if free >= wanted:
        return Check("memory", "ok", found)
    return Check("memory", "fault" if free < wanted / 2 else "note",
                 f"{found}; the profile {profile!r} takes {wanted:g}",
                 "Close other programs; a smaller profile takes less.")


def check_data(profile: str, data_root: Path) -> Check:
    """Whether the data are there, or can be made."""
    if (data_root / "training" / "train.xlsx").exists():
        return Check("data", "ok", f"{data_root} is there")
    if get_profile(profile).synth is None:
        return Check("data", "fault", f"{data_root} is not there",
                     "The real images are handed out on request; put them there (data/README.md), "
                     "or choose another profile.")
    return Check("data", "ok", f"{data_root} is not there yet; it is made when first needed")


def check_disk(profile: str, out_dir: Path) -> Check:
    """Whether the folder of results can be written to and has room."""
    parent = next(folder for folder in (out_dir.absolute() / "x").parents if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as error:
        return Check("disk", "fault", f"{parent} cannot be written to ({error.strerror})",
                     "Change its permissions, or name another folder with --out-dir.")
    free = shutil.disk_usage(parent).free / GIB
    found = f"{free:.1f} GiB free at {out_dir}"
    wanted = get_profile(profile).disk
    if free >= wanted:
        return Check("disk", "ok", found)
    return Check("disk", "fault", f"{found}; the profile {profile!r} wants {wanted:g}",
                 "Make room, or name another folder with --out-dir.")


def check_wall() -> Check:
    """Whether `mg grade` can confine submissions."""
    from mgutils.course.grading.box import why_open

    if reason := why_open():
        return Check("wall for mg grade", "note", f"{reason}: only instructors need it, to shut submissions in",
                     "apt-get install bubblewrap, if you grade; or grade in a container (INSTRUCTORS.md).")
    return Check("wall for mg grade", "ok", "bubblewrap, tried just now; it shuts submissions in, for instructors")


# -- the network -------------------------------------------------------------------------------------------------------


def check_hub(profile: str, timeout: float = 3) -> Check:
    """Whether the model hub answers: only pretrained weights come from there."""
    silence = why_silent(timeout)
    if silence is None:
        return Check("model hub", "ok", f"{hub_address()} answers")
    if not get_profile(profile).model.pretrained:
        return Check("model hub", "ok", f"not reachable ({silence}); the profile {profile!r} downloads nothing")
    return Check("model hub", "note", f"{hub_address()}: {silence}",
                 f"The profile {profile!r} downloads its encoders once: connect, or copy the hub's cache here.")
