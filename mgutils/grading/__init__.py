"""Grading a folder of submissions: ``grade`` leads, ``worker`` runs a student's code elsewhere, ``guard`` confines it.

The verdicts are made here, in the process of the instructor; a submission's process only answers calls. What that keeps
apart and what not is written in ``INSTRUCTORS.md``.
"""
