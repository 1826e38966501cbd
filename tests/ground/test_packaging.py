"""The package, its pins and its two commands say the same thing."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from itertools import product
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mgutils.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, TOOL = SETTINGS["project"], SETTINGS["tool"]
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ({"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
             {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
             {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"})


def read_pins(file: Path) -> list[Requirement]:
    lines = [line.split("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line]


def pins_on(python: str, platform: dict[str, str], pins: list[Requirement]) -> dict[str, str]:
    """Name to version, for one Python and one platform; two versions of a package are an error."""
    environment = default_environment() | platform | {"python_version": python, "python_full_version": f"{python}.9"}
    chosen = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(environment)]
    names = [canonicalize_name(pin.name) for pin in chosen]
    assert len(names) == len(set(names))
    return dict(zip(names, (str(pin.specifier).removeprefix("==") for pin in chosen), strict=True))


def direct() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    installed = [text for name in ("notebooks", "pretrained", "test") for text in extras[name]]
    return [Requirement(text) for text in PROJECT["dependencies"] + installed]


# -- the pins ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("python", "platform"), list(product(PYTHONS, PLATFORMS)),
                         ids=lambda value: value if isinstance(value, str) else value["sys_platform"])
def test_ranges_of_the_package_admit_the_pins(python, platform):
    pins = pins_on(python, platform, read_pins(ROOT / "requirements.txt"))
    for requirement in direct():
        version = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} does not admit {version}"
    pair = [f"{name}=={pins[name]}" for name in ("torch", "torchvision")]
    assert TOOL["uv"]["constraint-dependencies"] == pair  # torchvision's operators fit one version of torch
    assert any(name.startswith("nvidia-") for name in pins) == (platform["sys_platform"] == "linux")


def test_every_pin_is_exact_and_names_no_address():
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "://" not in text and not re.search(r"^\s*-", text, flags=re.MULTILINE)
    assert all(re.fullmatch(r"==[^=,*]+", str(pin.specifier)) and pin.url is None
               for pin in read_pins(ROOT / "requirements.txt"))


def test_conda_route_installs_the_same_pins():
    listed = yaml.safe_load((ROOT / "environment.yaml").read_text(encoding="utf-8"))["dependencies"]
    from_pip = next(entry["pip"] for entry in listed if isinstance(entry, dict))
    from_conda = [Requirement(entry) for entry in listed if isinstance(entry, str)]
    assert from_pip == ["-r requirements.txt", "-e ."]  # a version written here would be a second truth
    assert {entry.name for entry in from_conda} == {"python", "pip"}
    python = next(entry for entry in from_conda if entry.name == "python")
    assert python.specifier == SpecifierSet(PROJECT["requires-python"])


def test_supported_pythons_are_3_11_to_3_13():
    inside = SpecifierSet(PROJECT["requires-python"])
    assert [version for version in ("3.10", *PYTHONS, "3.14") if version in inside] == list(PYTHONS)


# -- the package -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_wheel_holds_every_module_the_class_table_and_the_command(tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "mgutils", tree / "mgutils", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, tree)
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=tree, check=True, capture_output=True)
    wheel = zipfile.ZipFile(next(tmp_path.glob("mgutils-*.whl")))
    packed = {name for name in wheel.namelist() if name.startswith("mgutils/")}
    package = tree / "mgutils"
    files = [*package.rglob("*.py"), *package.rglob("*.csv"), *(package / "course" / "web").iterdir()]
    assert packed == {str(file.relative_to(tree)) for file in files}
    assert "mgutils/data/imigue_classes.csv" in packed
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "mg = mgutils.cli:main" in wheel.read(entry_points).decode()


# -- make setup, with tools that only write down how they were called --------------------------------------------------

FAKE_TOOL = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$*" in
  *"venv "*) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  *"$BREAK"*) exit 3 ;;
esac
"""


class Workshop:
    """A folder with the Makefile, in which ``make setup`` finds nothing but fake tools."""

    def __init__(self, folder: Path):
        self.folder, self.stamp, self.calls = folder, folder / ".venv/.ready", folder / "calls"
        for name in ("Makefile", "pyproject.toml", "requirements.txt"):
            shutil.copy(ROOT / name, folder)

    def run(self, *tools: str, broken: str = "nothing is broken", **variables: str) -> subprocess.CompletedProcess:
        """``make setup`` with these tools on the PATH; a call whose words hold ``broken`` fails."""
        on_path = self.folder / "-".join(("tools", *tools))
        on_path.mkdir(exist_ok=True)
        for tool in tools:
            (on_path / tool).write_text(FAKE_TOOL)
            (on_path / tool).chmod(0o755)
        for tool in {"sh", "rm", "touch", "mkdir", "cp", "basename"} - {file.name for file in on_path.iterdir()}:
            (on_path / tool).symlink_to(shutil.which(tool))
        self.calls.write_text("")
        environment = {"PATH": str(on_path), "CALLS": str(self.calls), "BREAK": broken} | variables
        return subprocess.run([shutil.which("make"), "setup"], cwd=self.folder, env=environment,
                              capture_output=True, text=True)

    def succeed(self, *tools: str, **variables: str) -> list[str]:
        """The calls of a run that must succeed."""
        assert self.run(*tools, **variables).returncode == 0
        return self.calls.read_text().splitlines()


@pytest.fixture
def workshop(tmp_path):
    return Workshop(tmp_path)


def test_setup_uses_uv_where_there_is_one(workshop):
    calls = workshop.succeed("uv", "python3")
    assert workshop.stamp.exists()
    assert [call.split(" -")[0] for call in calls] == ["uv venv", "uv pip install", "uv pip install"]
    assert "-r requirements.txt" in calls[1] and "--no-deps" in calls[2]


def test_setup_uses_venv_and_pip_where_there_is_no_uv(workshop):
    _, venv, pins, package = workshop.succeed("python3")
    assert workshop.stamp.exists()
    assert venv == "python3 -m venv .venv"
    assert pins.startswith("python -m pip") and pins.endswith("install -r requirements.txt")
    assert package.startswith("python -m pip") and "--no-deps" in package


def test_setup_works_once_and_again_when_the_pins_change(workshop):
    assert len(workshop.succeed("uv")) == 3
    assert workshop.succeed("uv") == []
    later = workshop.stamp.stat().st_mtime + 10
    os.utime(workshop.folder / "requirements.txt", (later, later))
    assert len(workshop.succeed("uv")) == 3


@pytest.mark.parametrize("tool", ["uv", "python3"])
def test_a_failed_install_fails_and_leaves_no_stamp(workshop, tool):
    assert workshop.run(tool, broken="requirements.txt").returncode != 0
    assert not workshop.stamp.exists()


def test_setup_takes_the_interpreter_it_is_told(workshop):
    assert "--python python3.12" in workshop.succeed("uv", PYTHON="python3.12")[0]
    workshop.stamp.unlink()
    assert workshop.succeed("python3.12", PYTHON="python3.12")[1] == "python3.12 -m venv .venv"


@pytest.mark.parametrize(("version", "fits"), [("3, 10", False), ("3, 11", True), ("3, 13", True), ("3, 14", False)])
def test_setup_refuses_a_python_that_does_not_fit(workshop, version, fits):
    claimant = workshop.folder / "claimant"  # answers `-c CODE` as that version would, and `-m venv` not at all
    pretend = f"import sys; sys.version_info = ({version}, 0); sys.argv[1] == '-c' or sys.exit(3); exec(sys.argv[2])"
    claimant.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c \"{pretend}\" \"$@\"\n")
    claimant.chmod(0o755)
    result = workshop.run(PYTHON=str(claimant))
    assert result.returncode != 0
    assert ("wanted 3.11 to 3.13" in result.stderr) == (not fits)


# -- what continuous integration runs ----------------------------------------------------------------------------------


def test_continuous_integration_ends_in_the_test_command():
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    lines = [line for line in script.read_text().splitlines() if line and not line.startswith("#")]
    assert lines[-1] == "make test-all" and lines.count("make test-all") == 1


def test_make_calls_commands_that_exist():
    called = set(re.findall(r"\$\(BIN\)/mg (\w+)", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert called and called <= {name[0] for name in COMMANDS}
