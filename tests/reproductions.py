"""Reproductions made by hand: executed notebooks with the record that `mg reproduce` leaves."""

from mgutils.course.manifest import recorded
from mgutils.course.notebooks import sources

PARAMETERS = {"profile": "smoke", "data_root": "../data/smoke", "seed": 3, "out_dir": "../out/smoke"}


def record(notebook_dir, source, data_root="nowhere", **parameters):
    """Record a notebook that is there already."""
    executed = notebook_dir / f"{source.stem}.ipynb"
    with recorded(executed, source, PARAMETERS | parameters, notebook_dir.parent / data_root):
        assert executed.exists()


def record_all(notebook_dir, source_dir):
    for source in sources(source_dir):
        record(notebook_dir, source)
