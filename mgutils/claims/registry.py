"""The tests of claims by name. A test registers itself, so that a helper beside it is no test."""

from __future__ import annotations

from collections.abc import Callable

from mgutils.claims.evidence import Finding

ClaimTest = Callable[..., Finding]
"""Takes an :class:`~mgutils.claims.evidence.Evidence`, and the ``args`` of the claim."""

TESTS: dict[str, ClaimTest] = {}
"""Complete once :mod:`mgutils.claims.tests` is imported."""


def claim_test(test: ClaimTest) -> ClaimTest:
    """Register a function as the test that ``claims.toml`` calls by its name.

    Raises
    ------
    ValueError
        If another test has that name.
    """
    if test.__name__ in TESTS:
        raise ValueError(f"claim_test: found {test.__name__!r} twice; wanted each name once. "
                         "Rename one.")
    TESTS[test.__name__] = test
    return test
