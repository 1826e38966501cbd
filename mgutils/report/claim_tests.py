"""All tests of claims, by the names that ``claims.toml`` gives them. The functions are in ``claim_tests_*``."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from mgutils.report import (
    claim_tests_controls,
    claim_tests_data,
    claim_tests_losses,
    claim_tests_method,
    claim_tests_results,
)
from mgutils.report.claim_evidence import Finding

TESTS: dict[str, Callable[..., Finding]] = {
    name: function
    for module in (claim_tests_controls, claim_tests_data, claim_tests_losses, claim_tests_method, claim_tests_results)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and not name.startswith("_")}
"""A test takes an :class:`~mgutils.report.claim_evidence.Evidence`, and the ``args`` of the claim."""
