"""Datasets in the original's layout: read, check, split and audit them, decode the images, import others.

``table`` reads a dataset, and ``check``, ``workbook``, ``sidecar`` and ``images`` find what is wrong with it.
``layout`` writes its tables. ``splits`` and ``audit`` say who is trained on and what that leaks. ``pixels`` decodes
images and ``video`` videos. ``importers`` turns other people's data into this layout. This file holds nothing else.
"""
