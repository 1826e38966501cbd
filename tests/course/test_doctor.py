"""`mg doctor`: every fault is found and has its remedy; no network is needed to say so."""

import sys
from collections import namedtuple
from types import SimpleNamespace

import pytest

from mgutils.cli import main
from mgutils.course import doctor
from mgutils.course.doctor import (
    GIB,
    Check,
    as_markdown,
    check_data,
    check_disk,
    check_hub,
    check_memory,
    check_packages,
    examine,
)
from mgutils.errors import ConfigError


def verdicts(checks):
    return {check.name: check.verdict for check in checks}


def test_this_machine_can_run_the_tests(tmp_path, capsys):
    arguments = ["doctor", "--profile", "smoke", "--no-hub", "--out-dir", str(tmp_path / "out")]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("Python", "packages", "device", "memory", "data", "disk", "wall"))
    assert "hub" not in said and "FAULT" not in said
    assert not list(tmp_path.iterdir())


def test_a_fault_gives_status_2_and_its_remedy(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "check_packages", lambda: [Check("packages", "fault", "torch is missing", "Do this.")])
    assert main(["doctor", "--profile", "smoke", "--no-hub", "--out-dir", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert "FAULT packages" in captured.out and "-> Do this." in captured.out
    assert captured.err.startswith("mg: doctor: something needed is missing: packages.")


def test_packages_are_held_against_their_requirements():
    here = f'python_version >= "{sys.version_info[0]}.0"'
    fitting = ["numpy>=1", f"pandas>=1; {here}", "nothing-of-the-kind; python_version < '3'"]
    assert verdicts(check_packages(fitting)) == {"packages": "ok"}
    (fault,) = check_packages(["numpy>=99", "nothing-of-the-kind>=1"])
    assert fault.verdict == "fault" and fault.remedy == "Run `make setup`."
    assert "numpy" in fault.found and ">=99" in fault.found and "nothing-of-the-kind is missing" in fault.found


def test_an_extra_that_lacks_is_a_note_and_a_needed_extra_a_fault():
    found = check_packages(["numpy", "nothing-a; extra == 'video'", "nothing-b; extra == 'notebooks'"])
    assert verdicts(found) == {"packages": "fault", "extra video": "note"}
    assert "nothing-b" in found[0].found and "nothing-a" not in found[0].found


def test_the_kit_itself_must_be_installed(monkeypatch):
    def absent(_):
        raise doctor.metadata.PackageNotFoundError("mgutils")

    monkeypatch.setattr(doctor.metadata, "requires", absent)
    assert verdicts(check_packages()) == {"packages": "fault"}


@pytest.mark.parametrize(("free", "verdict"), [(4.0, "ok"), (2.0, "note"), (0.5, "fault")])
def test_memory_is_held_against_the_profile(monkeypatch, free, verdict):
    memory = SimpleNamespace(available=free * GIB, total=8 * GIB)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: memory)
    check = check_memory("cpu")
    assert check.verdict == verdict and bool(check.remedy) == (verdict != "ok")


def test_a_full_disk_a_sealed_folder_and_absent_real_images_are_faults(tmp_path, monkeypatch):
    assert check_data("smoke", tmp_path / "data").verdict == check_disk("smoke", tmp_path / "a" / "b").verdict == "ok"
    assert check_data("imigue", tmp_path / "data").verdict == "fault"
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage(10, 10, 1))
    assert check_disk("smoke", tmp_path).verdict == "fault"
    monkeypatch.undo()

    def sealed(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", sealed)
    disk = check_disk("smoke", tmp_path)
    assert disk.verdict == "fault" and "cannot be written to (Permission denied)" in disk.found


@pytest.mark.parametrize(("profile", "verdict"), [("cpu", "ok"), ("imigue", "note")])
def test_a_hub_that_does_not_answer_matters_only_where_weights_come_from_it(monkeypatch, profile, verdict):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens at the discard port
    assert check_hub(profile, timeout=2).verdict == verdict
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE" in check_hub(profile).found


def test_the_table_has_every_check_and_no_path_of_the_machine():
    checks = examine("smoke", "data", "out", hub=False)
    lines = as_markdown([*checks, Check("odd", "fault", "a|b <c>", "Mend it.")]).splitlines()
    assert len(lines) == len(checks) + 3 and lines[-1] == "| odd | **fault** | a\\|b &lt;c> | Mend it. |"
    assert str(sys.prefix) not in "".join(lines) and len({check.name for check in checks}) == len(checks)
    with pytest.raises(ConfigError, match="'huge'"):
        examine("huge")
