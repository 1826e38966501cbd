"""Grading submissions: ``grade`` leads, ``box`` is the wall, ``reader`` and ``worker`` are behind.

The verdicts are made outside; a submission's process only answers calls. What that keeps apart and
what not is written in ``INSTRUCTORS.md``, and ``tests/test_grading.py`` tries it.
"""
