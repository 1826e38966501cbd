"""All tests of claims, by the names that ``claims.toml`` gives them.

The functions are in the modules of this folder, and register themselves when these are imported.
"""

from __future__ import annotations

import importlib

from mgutils.claims.registry import TESTS

__all__ = ["TESTS"]

for _part in ("camera_code", "cameras", "controls", "data", "losses", "method", "outputs", "results", "sentence_code",
              "sentences", "skeletons"):
    importlib.import_module(f"mgutils.claims.tests.{_part}")
