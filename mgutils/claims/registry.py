"""What a test of a claim returns, and the tests by name.

A test registers itself, so that a helper beside it is no test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

REPORT = "report"
"""The source of what the first original says; the other systems have names of their own."""
SHOWN_FIRST = ("refuted", "partly", "not shown", "reproduced", "needs the real data", "by construction")
"""The verdicts in the order in which they are shown; what they mean is in :mod:`mgutils.claims.ledger`."""


@dataclass(frozen=True)
class Finding:
    """What a test found. :func:`mgutils.claims.ledger.judge` computes the verdict from it."""

    obtained: str
    """The finding in words and numbers."""
    checks: Mapping[str, bool | None] = field(default_factory=dict)
    """Parts of the claim, each with whether it holds."""
    value: float | None = None
    """The number to hold against the claim's expected one."""
    spread: tuple[float, float] | None = None
    """Lowest and highest of the seeds."""
    control: str = ""
    """What the same measure gives where there is nothing to find."""
    note: str = ""
    """What a reader must know besides."""
    possible: bool = True
    """False where the data at hand cannot show it."""


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
