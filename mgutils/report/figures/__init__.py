"""Figures, one file for each subject; what several of them share is in ``charts``.

The two diagrams are tables, ``clip.csv`` and ``framework.csv``, that ``drawing`` reads.
"""
