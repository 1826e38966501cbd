"""Exercises that check themselves: ``check("row_softmax", row_softmax)`` in a notebook.

An exercise is known by the name of the function that it asks for. Its text and its solution stand
in ``notebooks/src``, its checker in the module here that is named after its notebook's subject, and
the solutions that the checker must accept or reject in ``tests/exercises``. Grading whole notebooks
is :mod:`mgutils.course.grading`.
"""

from mgutils.course.exercises.catalogue import Exercise, all_exercises, check, find

__all__ = ["Exercise", "all_exercises", "check", "find"]
