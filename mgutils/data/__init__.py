"""Datasets in the seed's layout: read and check them, split them, audit the splits, decode the images, import others.

``table`` reads a dataset and ``check``, ``sidecar`` and ``images`` find what is wrong with it; ``layout`` writes its
tables. ``splits`` and ``audit`` say who is trained on and what that leaks; ``pixels`` decodes; ``importers`` turns
other folders of images into this layout. This file holds nothing else.
"""
