"""The table of planted mistakes fits the code: each old text once, each mistake still Python."""

from benchmarks.mutants import read_mutants


def test_every_mistake_can_be_planted():
    assert len({mutant.name for mutant in read_mutants()}) > 150
