"""The receipt: what the fingerprints of data and code see."""

from dataclasses import replace

import numpy as np
import pytest

from mgutils.data.labels import Labels
from mgutils.data.pixels import fingerprint
from mgutils.training import provenance


@pytest.fixture
def data(memory_dataset):
    """1,030 images of 2 x 2: more than one block of the digest."""
    dataset = memory_dataset(np.arange(1030) % 3 + 1)
    return dataset, np.random.default_rng(0).integers(0, 256, (1030, 2, 2, 3), dtype=np.uint8)


def test_equal_data_have_equal_fingerprints(data):
    dataset, pixels = data
    found = fingerprint(dataset, pixels)
    assert len(found) == 64
    assert fingerprint(replace(dataset, frames=dataset.frames.copy()), pixels.copy()) == found
    assert fingerprint(dataset, np.asfortranarray(pixels)) == found


@pytest.mark.parametrize("row", [0, 1023, 1024, 1029])
def test_one_changed_pixel_changes_the_fingerprint(data, row):
    dataset, pixels = data
    changed = pixels.copy()
    changed[row, 1, 1, 2] ^= 1
    assert fingerprint(dataset, changed) != fingerprint(dataset, pixels)


def test_a_changed_table_or_name_changes_the_fingerprint(data):
    dataset, pixels = data
    frames = dataset.frames.copy()
    frames.loc[7, "clip_id"] += 1
    found = {fingerprint(other, pixels) for other in (
        dataset, replace(dataset, frames=frames), replace(dataset, frames=dataset.frames[::-1]),
        replace(dataset, labels=Labels(("class 1", "class 2", "class 3 "))))}
    assert len(found) == 4


@pytest.fixture
def package(tmp_path, monkeypatch):
    package = tmp_path / "package"
    (package / "room").mkdir(parents=True)
    for name, text in (("provenance.py", "a = 1\n"), ("room/b.py", "b = 2\n"), ("facts.csv", "id\n1\n")):
        (package / name).write_text(text)
    monkeypatch.setattr(provenance, "__file__", str(package / "training" / "provenance.py"))
    return package


@pytest.mark.parametrize("name", ["provenance.py", "room/b.py", "facts.csv"])
def test_a_changed_module_or_table_changes_the_hash_of_the_code(package, name):
    before = provenance.code_hash()
    (package / name).write_text((package / name).read_text().replace("1", "3").replace("2", "4"))
    assert provenance.code_hash() != before


def test_the_hash_of_the_code_sees_names_but_not_line_ends_or_other_files(package):
    before = provenance.code_hash()
    (package / "facts.csv").write_bytes(b"id\r\n1\r\n")
    (package / "notes.txt").write_text("nothing that runs")
    assert provenance.code_hash() == before
    (package / "room" / "b.py").rename(package / "room" / "c.py")
    assert provenance.code_hash() != before


def test_a_session_is_recorded_with_what_changed_since_the_one_before():
    first = provenance.record_session(None, range(1, 3))
    assert first["environment"]["code_sha256"] == provenance.code_hash()
    assert first["environment"]["versions"]["torch"] and first["environment"]["hardware"]["processor"]
    assert first["machines"] == [{"first_epoch": 1, "changes": {}}]
    first["environment"]["hardware"]["threads"] = 99
    second = provenance.record_session(first, range(3, 5))
    assert second["machines"][1] == {"first_epoch": 3, "changes": {
        "hardware.threads": [99, second["environment"]["hardware"]["threads"]]}}
    assert provenance.record_session(second, range(5, 5)) == second  # nothing left to train
    assert provenance.record_session(None, range(3, 5))["machines"] == [{"first_epoch": 3, "changes": None}]
