"""Teaching and reproduction kit for image-level micro-gesture classification.

The modules are lessons and are read on their own: ``losses``, ``models``, ``train`` and ``evaluate`` first.
Importing this package imports nothing heavy; each module imports what it needs.
"""

__version__ = "0.1.0"
