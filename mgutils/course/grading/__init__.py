"""Grading submissions: ``grade`` leads, ``box`` is the wall, ``worker`` and ``reader`` are inside."""
