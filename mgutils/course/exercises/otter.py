"""Writes the checks as test files of otter-grader, in its ``OK_FORMAT``, without importing otter.

In such a test the student's code and the check share a process; ``mg grade`` keeps them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mgutils.course.exercises.catalogue import all_exercises
from mgutils.errors import ConfigError

_TEST = '''OK_FORMAT = True

test = {{
    "name": "{name}",
    "points": {points},
    "suites": [{{
        "cases": [{{
            "code": r"""
>>> from mgutils.course.exercises import check
>>> result = check("{name}", {name})  # doctest: +ELLIPSIS
{name}: solved (... trials).
""",
            "hidden": False,
            "locked": False,
        }}],
        "scored": True,
        "setup": "",
        "teardown": "",
        "type": "doctest",
    }}],
}}
'''


def export(folder: Path | str, notebooks: Sequence[str] = ()) -> list[Path]:
    """Write ``<exercise>.py`` for each exercise.

    Parameters
    ----------
    notebooks : sequence of str
        Numbers of the notebooks whose exercises count; all if empty.

    Raises
    ------
    ConfigError
        If a file is there that is no such test.
    """
    folder = Path(folder)
    tasks = [
        task
        for task in all_exercises().values()
        if not notebooks or task.notebook in notebooks
    ]
    paths = [folder / f"{task.name}.py" for task in tasks]
    for path in paths:
        if path.exists() and not path.read_text(encoding="utf-8").startswith("OK_FORMAT"):
            raise ConfigError(
                f"{path}: exists and is no test of otter-grader. Choose an empty folder."
            )
    folder.mkdir(parents=True, exist_ok=True)
    for task, path in zip(tasks, paths, strict=True):
        path.write_text(_TEST.format(name=task.name, points=task.points), encoding="utf-8")
    return paths
